internal import CCUDA

/// Machine code loaded onto the GPU: the kernels of one source.
package final class Module {
    package let context: Context
    /// For messages: the source's name.
    package let name: String
    private let handle: CUmodule

    /// - Parameter cubin: machine code for this GPU's architecture.
    package init(_ context: Context, name: String, cubin: [UInt8]) throws(CUDAError) {
        assert(context.isCurrent)
        var handle: CUmodule?
        let result = cubin.withUnsafeBytes { bytes in
            guard let start = bytes.baseAddress else { preconditionFailure("\(name) has no machine code") }
            return context.driver.functions.moduleLoadData(&handle, start)
        }
        try context.driver.check(result, "cuModuleLoadData")
        guard let handle else { preconditionFailure("cuModuleLoadData succeeded without a module") }
        self.context = context
        self.name = name
        self.handle = handle
    }

    deinit { context.release { $0.moduleUnload(handle) } }

    /// - Parameter name: of an `extern "C" __global__` function.
    package func kernel(_ name: String) throws(CUDAError) -> Kernel {
        var function: CUfunction?
        let result = context.driver.functions.moduleGetFunction(&function, handle, name)
        if Int(result) == CUDA_ERROR_NOT_FOUND { throw .kernelMissing(name, source: self.name) }
        try context.driver.check(result, "cuModuleGetFunction")
        guard let function else { preconditionFailure("cuModuleGetFunction succeeded without a function") }
        return try Kernel(self, name: name, handle: function)
    }
}
