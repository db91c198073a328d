internal import CCUDA

/// One of cuBLASLt's ways to compute a product; good for the same version of the library and the same kind of GPU.
package struct DenseAlgorithm: Hashable, Sendable {
    /// What the library made of it: eight numbers.
    package let words: [UInt64]
    /// Bytes of workspace it takes.
    package let workspaceBytes: Int

    init(_ result: cublasLtMatmulHeuristicResult_t) {
        words = withUnsafeBytes(of: result.algorithm) { Array($0.bindMemory(to: UInt64.self)) }
        workspaceBytes = result.workspaceBytes
    }

    /// - Parameter words: nil when there are not eight.
    init?(words: [UInt64]) {
        guard words.count == MemoryLayout<cublasLtMatmulAlgo_t>.size / 8 else { return nil }
        self.words = words
        workspaceBytes = 0
    }

    /// As the library takes it.
    var native: cublasLtMatmulAlgo_t {
        words.withUnsafeBytes { $0.loadUnaligned(as: cublasLtMatmulAlgo_t.self) }
    }
}
