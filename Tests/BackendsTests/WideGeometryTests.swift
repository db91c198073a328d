import Testing

@testable import Backends

@Suite struct WideGeometryTests {
    private let h100 = StreamedGeometry.Device(multiprocessors: 132, sharedBytes: 227 << 10)

    /// Outputs and inputs of the products of Llama-2-7B, 13B and 70B, of small models, and of odd ones.
    private static let shapes = [
        (12288, 4096), (4096, 4096), (22016, 4096), (4096, 11008), (15360, 5120), (27648, 5120), (5120, 13824),
        (10240, 8192), (57344, 8192), (8192, 28672), (32000, 4096), (2048, 1536), (8968, 1544), (136, 4104),
    ]

    @Test(arguments: shapes, WideGeometry.clusters)
    func `what a launch asks for can be had`(_ shape: (outputs: Int, inputs: Int), _ cluster: Int) throws {
        guard
            let geometry = WideGeometry(outputs: shape.outputs, inputs: shape.inputs, cluster: cluster, device: h100)
        else { return }
        #expect(geometry.columns % 8 == 0 && (32...216).contains(geometry.columns))
        // Sums, addresses and what else a thread has, of the registers that each of 384 threads may take.
        #expect(geometry.columns / 2 + 40 <= 65536 / WideGeometry.threads)
        #expect(geometry.sharedBytes + 1024 <= h100.sharedBytes && geometry.depth >= 3)
        // Sums lie where the queue was.
        let pitch = 2 * geometry.columns + (40 - 2 * geometry.columns % 32) % 32
        #expect(64 * pitch * 4 <= geometry.sharedBytes)
        // A block's share of a cluster's outputs is whole vectors.
        #expect(2 * geometry.columns / cluster % 4 == 0)
        let grid = geometry.grid(outputs: shape.outputs)
        #expect(grid % cluster == 0 && grid / cluster * 2 * geometry.columns >= shape.outputs)
        #expect((grid / cluster - 1) * 2 * geometry.columns < shape.outputs)
    }

    @Test func `every product of a 7B has about as many blocks as the GPU multiprocessors`() throws {
        for (shape, cluster) in zip(Self.shapes[..<4], [2, 4, 2, 4]) {
            let geometry = try #require(
                WideGeometry(outputs: shape.0, inputs: shape.1, cluster: cluster, device: h100)
            )
            #expect((124...132).contains(geometry.grid(outputs: shape.0)))
        }
    }

    @Test func `what the kernel cannot is left to the library`() {
        let geometry = { (outputs: Int, inputs: Int, cluster: Int) in
            WideGeometry(outputs: outputs, inputs: inputs, cluster: cluster, device: self.h100)
        }
        #expect(geometry(4100, 4096, 4) == nil && geometry(4096, 4100, 4) == nil)
        // Fewer stages than blocks that share them.
        #expect(geometry(4096, 128, 4) == nil)
        // So few outputs a block that it would read more of x than of weights.
        #expect(geometry(4096, 4096, 1) == nil)
        let small = StreamedGeometry.Device(multiprocessors: 132, sharedBytes: 99 << 10)
        #expect(WideGeometry(outputs: 22016, inputs: 4096, cluster: 2, device: small) == nil)
    }
}
