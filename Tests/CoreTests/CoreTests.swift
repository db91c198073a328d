import Core
import Testing

@Suite struct AdapterDigests {
    @Test func `a digest survives its hexadecimal form`() throws {
        let bytes = (0..<32).map { UInt8($0 * 7 & 0xFF) }
        let digest = AdapterDigest(bytes: bytes)
        #expect(AdapterDigest(hex: digest.hex) == digest)
        #expect(digest.hex.count == 64)
        #expect(digest.hex.hasPrefix("00070e15"))
        #expect(digest.short == "00070e151c23")
    }

    @Test(arguments: ["", "00", String(repeating: "g", count: 64), String(repeating: "0", count: 63) + "é"])
    func `anything but 64 digits is no digest`(hex: String) {
        #expect(AdapterDigest(hex: hex) == nil)
    }
}

@Suite struct HostMemories {
    @Test func `memory is zeroed, aligned and shaped`() {
        let memory = HostMemory(byteCount: 24)
        let tensor = memory.tensor(type: .bfloat16, shape: [2, 3], offset: 8)
        #expect(tensor.elementCount == 6)
        #expect(tensor.bytes.allSatisfy { $0 == 0 })
        #expect(UInt(bitPattern: memory.bytes.baseAddress) % 64 == 0)
    }
}
