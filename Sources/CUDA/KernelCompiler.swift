/// Makes kernels' machine code, or finds it in the cache.
package final class KernelCompiler: Sendable {
    /// What became of the jobs.
    package struct Report: Sendable, Equatable {
        package var compiled: [String] = []
        package var cached: [String] = []
    }

    package let nvrtc: NVRTC
    private let cache: KernelCache?

    /// - Parameter cacheDirectory: made when it is missing; nil keeps nothing. A cache that cannot be written only
    ///   costs time.
    package init(_ nvrtc: NVRTC, cacheDirectory: String? = KernelCache.standardDirectory()) {
        self.nvrtc = nvrtc
        cache = cacheDirectory.map(KernelCache.init(directory:))
    }

    /// Compiles each job for a GPU, several at a time, and loads the code onto it.
    ///
    /// - Returns: modules in the order of `jobs`.
    package func compile(_ jobs: [KernelJob], for context: Context) throws(CUDAError) -> [Module] {
        try machineCode(jobs, architecture: context.architecture).cubins.enumerated().map {
            (index, cubin) throws(CUDAError) in
            try Module(context, name: jobs[index].source.name, cubin: cubin)
        }
    }

    /// Compiles each job, several at a time; needs no GPU.
    ///
    /// - Returns: machine code in the order of `jobs`, and which of it was compiled now.
    package func machineCode(
        _ jobs: [KernelJob],
        architecture: String
    ) throws(CUDAError) -> (cubins: [[UInt8]], report: Report) {
        let outcomes = mapInParallel(jobs) { job in
            Result { () throws(CUDAError) in try self.machineCode(job, architecture) }
        }
        var cubins: [[UInt8]] = []
        var report = Report()
        for (job, outcome) in zip(jobs, outcomes) {
            let (cubin, isCached) = try outcome.get()
            cubins.append(cubin)
            if isCached { report.cached.append(job.source.name) } else { report.compiled.append(job.source.name) }
        }
        return (cubins, report)
    }

    private func machineCode(
        _ job: KernelJob,
        _ architecture: String
    ) throws(CUDAError) -> (cubin: [UInt8], isCached: Bool) {
        let key = KernelCache.Key(job, architecture: architecture, compiler: nvrtc.version)
        if let cubin = cache?.read(key) { return (cubin, true) }
        let cubin = try nvrtc.compile(job, architecture: architecture)
        cache?.write(cubin, for: key)
        return (cubin, false)
    }
}
