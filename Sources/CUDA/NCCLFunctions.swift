internal import CCUDA

extension NCCLFunctions {
    init(_ library: DynamicLibrary) throws(CUDAError) {
        self.init(
            getVersion: try library.function("ncclGetVersion"),
            getErrorString: try library.function("ncclGetErrorString"),
            getUniqueId: try library.function("ncclGetUniqueId"),
            commInitRank: try library.function("ncclCommInitRank"),
            commDestroy: try library.function("ncclCommDestroy"),
            commGetAsyncError: try library.function("ncclCommGetAsyncError"),
            allReduce: try library.function("ncclAllReduce"),
            allGather: try library.function("ncclAllGather")
        )
    }
}
