import CUDA
import Core
import Testing

@Suite struct DenseChoicesTests {
    private static let shapes = [
        DenseShape(rows: 1, inputs: 64, outputs: 128),
        DenseShape(rows: 32, inputs: 64, outputs: 128, element: .float16, result: .float32, outputStride: 512),
        DenseShape(rows: 32, inputs: 64, outputs: 128, inputStride: 96, weightStride: 72),
    ]

    /// Choices of made-up algorithms, tuned by a library that knows three.
    private func tuned(_ directory: String, version: Int = 1) throws -> DenseChoices {
        let choices = DenseChoices(directory: directory, gpu: "NVIDIA H100 80GB HBM3", version: version)
        try FakeDriver.run { fake, context in
            let dense = try DenseProduct(context, CUBLASLt(.fake, path: "fake"), choices: choices)
            let stream = try Stream(context)
            for (index, shape) in Self.shapes.enumerated() {
                fake.times = (0..<3).flatMap { candidate in [Float](repeating: candidate == index ? 1 : 2, count: 3) }
                try dense.tune(shape, over: [DenseOperands(x: 2, weight: 1, y: 3)], on: stream)
            }
        }
        return choices
    }

    private func read(_ directory: String, gpu: String = "NVIDIA H100 80GB HBM3", version: Int = 1) -> DenseChoices {
        DenseChoices(directory: directory, gpu: gpu, version: version)
    }

    @Test func `choices are kept for the next start`() throws {
        let directory = TemporaryDirectory()
        #expect(try tuned("\(directory.path)/new").save())
        let again = read("\(directory.path)/new")
        #expect(again.count == 3)
        #expect(Self.shapes.map { again[$0]?.words.first } == [1, 2, 3])
        #expect(again[DenseShape(rows: 2, inputs: 64, outputs: 128)] == nil)
        #expect(directory.files(in: "new") == ["dense-NVIDIA-H100-80GB-HBM3-1.txt"])
    }

    @Test func `another GPU or version starts anew`() throws {
        let directory = TemporaryDirectory()
        try tuned(directory.path).save()
        #expect(read(directory.path, version: 2).count == 0)
        #expect(read(directory.path, gpu: "NVIDIA H100 80GB-HBM3").count == 0)
    }

    @Test func `a damaged file counts as none`() throws {
        let directory = TemporaryDirectory()
        try tuned(directory.path).save()
        let name = directory.files()[0]
        let whole = directory.read(name)
        for index in whole.indices {
            var changed = whole
            changed[index] ^= 1
            directory.write(changed, to: name)
            #expect(read(directory.path).count == 0, "byte \(index)")
            directory.write(Array(whole[..<index]), to: name)
            #expect(read(directory.path).count == 0, "\(index) bytes")
        }
    }

    @Test func `nothing is written without a change or a place`() throws {
        let directory = TemporaryDirectory()
        #expect(read(directory.path).save())
        #expect(directory.files().isEmpty)
        #expect(DenseChoices().save())
        #expect(try !tuned("/proc/nothing").save())
    }
}
