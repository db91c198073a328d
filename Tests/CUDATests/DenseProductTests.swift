import CUDA
import Core
import Testing

@Suite struct DenseProductTests {
    private func withProduct(
        choices: DenseChoices = DenseChoices(),
        _ body: (FakeDriver, DenseProduct, CUDA.Stream) throws -> Void
    ) throws {
        try FakeDriver.run { fake, context in
            let library = CUBLASLt(.fake, path: "fake")
            let dense = try DenseProduct(context, library, choices: choices, workspaceBytes: 1 << 20)
            try body(fake, dense, try Stream(context))
        }
    }

    /// The handles of the layouts made so far, in order.
    private func layouts(_ fake: FakeDriver) -> [Substring] {
        fake.calls.filter { $0.hasPrefix("layout ") }.compactMap { $0.split(separator: " ").last }
    }

    @Test func `a row-major product is told to a library that counts by columns`() throws {
        try withProduct { fake, dense, stream in
            let shape = DenseShape(rows: 3, inputs: 64, outputs: 128, inputStride: 80, outputStride: 256)
            let plan = try dense.plan(shape)
            let made = fake.calls.filter { $0.hasPrefix("layout ") || $0.hasPrefix("desc") }
            #expect(
                made.map { $0.split(separator: " ").prefix(5).joined(separator: " ") }.enumerated().allSatisfy {
                    $1.hasPrefix(
                        [
                            "descCreate 68 0", "descSet 3 1 4", "layout 14 64 128 64", "layout 14 64 3 80",
                            "layout 14 128 3 256",
                        ][$0]
                    )
                },
                "\(made)"
            )
            let layouts = layouts(fake)
            try dense.multiply(plan, 0x200, by: 0x100, into: 0x300, on: stream)
            #expect(
                fake.calls.last
                    == "matmul1 1.0 0.0 \(0x100)@\(layouts[0]) \(0x200)@\(layouts[1]) \(0x300)@\(layouts[2]) "
                    + "\(0x300)@\(layouts[2]) 1 \(1 << 20) \(number(stream.handle))"
            )
        }
    }

    @Test func `partial sums stay in float32 and within the workspace`() throws {
        try withProduct { fake, _, _ in
            #expect(
                fake.calls.filter { $0.hasPrefix("preferenceSet") } == ["preferenceSet 1 1048576", "preferenceSet 3 2"]
            )
        }
    }

    @Test func `types reach the library`() throws {
        try withProduct { fake, dense, stream in
            let shape = DenseShape(
                rows: 1,
                inputs: 64,
                outputs: 8,
                element: .float16,
                result: .float32
            )
            try dense.multiply(try dense.plan(shape), 2, by: 1, into: 3, on: stream)
            let types = fake.calls.filter { $0.hasPrefix("layout ") }.map { $0.split(separator: " ")[1] }
            #expect(types == ["2", "2", "0"])
        }
    }

    @Test func `a product makes nothing anew`() throws {
        try withProduct { fake, dense, stream in
            let shape = DenseShape(rows: 8, inputs: 64, outputs: 64)
            let plan = try dense.plan(shape)
            fake.calls = []
            for _ in 0..<5 {
                let again = try dense.plan(shape)
                #expect(again === plan)
                try dense.multiply(again, 2, by: 1, into: 3, on: stream)
            }
            #expect(fake.calls.count == 5)
            #expect(fake.calls.allSatisfy { $0.hasPrefix("matmul1 ") })
        }
    }

    @Test func `tuning takes the quickest over all operands and remembers it`() throws {
        try withProduct { fake, dense, stream in
            let shape = DenseShape(rows: 8, inputs: 64, outputs: 64)
            let operands = (0..<4).map { DenseOperands(x: 2, weight: UInt64(100 + $0), y: 3) }
            fake.times = [9, 8, 9, 3, 2, 2.5, 5, 5, 5]
            let timing = try dense.tune(shape, over: operands, on: stream)
            #expect(timing.candidates == [2000, 500, 1250])
            #expect(timing.best == 500)
            #expect(timing.first == 2000)
            for algorithm in 1...3 { #expect(fake.count("matmul\(algorithm)") == 4) }
            #expect(fake.count("graphExecDestroy") == 3)
            try dense.multiply(try dense.plan(shape), 2, by: 1, into: 3, on: stream)
            #expect(fake.calls.last?.hasPrefix("matmul2 ") == true)
            #expect(dense.choices[shape]?.words.first == 2)
        }
    }

    @Test func `an algorithm that does not run is passed over`() throws {
        try withProduct { fake, dense, stream in
            fake.failures["matmul1"] = 15
            fake.times = [3, 3, 3, 4, 4, 4]
            let shape = DenseShape(rows: 8, inputs: 64, outputs: 64)
            let operands = [DenseOperands(x: 2, weight: 1, y: 3)]
            let timing = try dense.tune(shape, over: operands, on: stream)
            #expect(timing.candidates == [nil, 3000, 4000])
            fake.failures = ["matmul1": 15, "matmul2": 15, "matmul3": 15]
            #expect(throws: CUDAError.noAlgorithm(shape)) { try dense.tune(shape, over: operands, on: stream) }
        }
    }

    @Test func `a shape without an algorithm is refused by name`() throws {
        try withProduct { fake, dense, _ in
            fake.failures["heuristic"] = 15
            let shape = DenseShape(rows: 8, inputs: 63, outputs: 64)
            let error = #expect(throws: CUDAError.noAlgorithm(shape)) { _ = try dense.plan(shape) }
            #expect(
                error?.description
                    == "cuBLASLt has no algorithm for [8, 63/63] bfloat16 by [64, 63/63] to [8, 64/64] bfloat16"
            )
            fake.failures["heuristic"] = 7
            let other = #expect(throws: CUDAError.self) { _ = try dense.plan(shape) }
            #expect(other?.description.contains("FAKE_STATUS") == true)
        }
    }

    @Test func `an earlier choice is taken while the library accepts it`() throws {
        let shape = DenseShape(rows: 8, inputs: 64, outputs: 64)
        let choices = DenseChoices()
        try withProduct(choices: choices) { fake, dense, stream in
            fake.times = [3, 3, 3, 4, 4, 4, 1, 1, 1]
            try dense.tune(shape, over: [DenseOperands(x: 2, weight: 1, y: 3)], on: stream)
        }
        try withProduct(choices: choices) { fake, dense, _ in
            let plan = try dense.plan(shape)
            #expect(plan.algorithm?.words.first == 3)
            #expect(fake.count("heuristic") == 0)
        }
        try withProduct(choices: choices) { fake, dense, _ in
            fake.failures["check"] = 15
            let plan = try dense.plan(shape)
            #expect(plan.algorithm?.words.first == 1)
        }
    }

    @Test func `everything made is given back`() throws {
        try FakeDriver.run { fake, context in
            do {
                let dense = try DenseProduct(context, CUBLASLt(.fake, path: "fake"))
                for rows in 1...4 { _ = try dense.plan(DenseShape(rows: rows, inputs: 64, outputs: 64)) }
            }
            #expect(fake.count("layoutDestroy") == 12)
            #expect(fake.count("descDestroy") == 4)
            #expect(fake.count("preferenceDestroy") == 1)
            #expect(fake.count("ltDestroy") == 1)
            #expect(fake.memory.isEmpty)
        }
    }
}
