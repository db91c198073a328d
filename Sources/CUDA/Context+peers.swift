internal import CCUDA

extension Context {
    /// Whether this GPU can read another's memory over the link between them.
    package func canRead(_ peer: Context) throws(CUDAError) -> Bool {
        var answer: Int32 = 0
        let (own, other) = (Int32(ordinal), Int32(peer.ordinal))
        try driver.check(driver.functions.deviceCanAccessPeer(&answer, own, other), "cuDeviceCanAccessPeer")
        return answer != 0
    }

    /// Lets kernels of this GPU read and write the other's memory by its addresses there; asking twice is no error.
    package func openMemory(of peer: Context) throws(CUDAError) {
        assert(isCurrent)
        let result = driver.functions.ctxEnablePeerAccess(peer.handle, 0)
        if Int(result) == CUDA_ERROR_PEER_ACCESS_ALREADY_ENABLED { return }
        try driver.check(result, "cuCtxEnablePeerAccess")
    }
}
