internal import CUDA
internal import Core
internal import Synchronization

/// The thread that brings adapters to the device, on a stream of its own, while steps go on.
///
/// Small adapters need not be told from large ones: the copy never holds up a step, and the engine asks only at the
/// next step whether it has arrived.
final class AdapterCopier: Sendable {
    /// One adapter on its way.
    struct Job: Sendable {
        let adapter: AdapterWeights
        /// Where each block of the image goes; blocks that follow each other are copied at once.
        let blocks: [UInt64]
        let slot: Int
        let rows: AdapterTableRows
        let arrival: Arrival
    }

    private let jobs = JobQueue<Job>()

    /// - Parameters:
    ///   - pinnedBytes: budget of the host's copies.
    ///   - type: what weights are stored as on the device.
    init(context: Context, pinnedBytes: Int, type: ScalarType) {
        let jobs = jobs
        startThread {
            Self.run(jobs, context: context, pinnedBytes: pinnedBytes, type: type)
        }
    }

    deinit { jobs.close() }

    func put(_ job: Job) { jobs.put(job) }

    private static func run(_ jobs: JobQueue<Job>, context: Context, pinnedBytes: Int, type: ScalarType) {
        var images = PinnedImages(context: context, budget: pinnedBytes, type: type)
        var stream: Stream?
        while let job = jobs.take() {
            do throws(CUDAError) {
                try context.makeCurrent()
                if stream == nil { stream = try Stream(context) }
                guard let open = stream else { preconditionFailure("no stream") }
                let layout = job.layout
                let image = try images.image(of: job.adapter, layout)
                for run in job.runs(in: image) { try open.copy(run.bytes, to: run.address) }
                job.rows.write(job.adapter, layout, at: job.blocks, slot: job.slot)
                try open.synchronize()
                job.arrival.tell(.success(job.adapter.traits))
            } catch {
                job.arrival.tell(.failure(error))
            }
        }
    }
}

extension AdapterCopier.Job {
    fileprivate var layout: AdapterLayout {
        let layout = AdapterLayout(adapter, blockBytes: rows.blockBytes)
        precondition(layout.footprint.blocks == blocks.count, "\(blocks.count) of \(layout.footprint.blocks) blocks")
        return layout
    }

    /// The image cut where its blocks do not follow each other.
    fileprivate func runs(in image: UnsafeRawBufferPointer) -> [(bytes: UnsafeRawBufferPointer, address: UInt64)] {
        var runs: [(bytes: UnsafeRawBufferPointer, address: UInt64)] = []
        let blockBytes = rows.blockBytes
        var first = 0
        while first < blocks.count {
            var end = first + 1
            while end < blocks.count, blocks[end] == blocks[end - 1] + UInt64(blockBytes) { end += 1 }
            let range = first * blockBytes..<min(end * blockBytes, image.count)
            runs.append((UnsafeRawBufferPointer(rebasing: image[range]), blocks[first]))
            first = end
        }
        return runs
    }
}

/// What became of a copy; written once by the copier, read by the engine's thread.
final class Arrival: Sendable {
    private let told = Mutex<Result<AdapterTraits, CUDAError>?>(nil)

    /// nil while on the way, then what steps need to know of the adapter.
    var outcome: Result<AdapterTraits, CUDAError>? { told.withLock { $0 } }

    func tell(_ outcome: Result<AdapterTraits, CUDAError>) { told.withLock { $0 = outcome } }
}
