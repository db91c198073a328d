internal import CUDA
package import Sampling

/// How a step ends: tokens are chosen and taken, and what went wrong is told.
extension CUDABackend {
    package mutating func sample(_ logits: CUDARows, _ requests: borrowing [SamplingRequest]) {
        let count = requests.count
        faults.attempt { () throws(CUDAError) in
            try operations.sampler.sample(logits: logits.address, width: logits.width, count: count, on: stream)
            try rankSums?.noteTokens(of: step.number, on: stream)
        }
    }

    package mutating func hasSampled() throws(BackendError) -> Bool {
        var hasSampled = false
        faults.attempt { () throws(CUDAError) in hasSampled = try operations.sampler.isDone() }
        if let fault = faults.first { throw BackendError(fault.description) }
        return hasSampled
    }

    package mutating func takeSamples(into outputs: inout [SampledToken?]) throws(BackendError) {
        faults.attempt { () throws(CUDAError) in try operations.sampler.take(into: &outputs) }
        if let fault = faults.first { throw BackendError(fault.description) }
    }

    package mutating func checkHealth() throws(BackendError) {
        faults.attempt { () throws(CUDAError) in
            try rankSums?.checkHealth()
            // Asked whether it is idle, the stream throws what has failed on the GPU so far.
            _ = try stream.isIdle()
        }
        if let fault = faults.first { throw BackendError(fault.description) }
    }

    package mutating func finish() throws(BackendError) {
        faults.attempt { () throws(CUDAError) in try stream.synchronize() }
        try checkHealth()
    }
}
