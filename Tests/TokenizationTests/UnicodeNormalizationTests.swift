import TestSupport
import Testing

@testable import Tokenization

@Suite struct UnicodeNormalizationTests {
    private func normalize(_ text: String, _ form: UnicodeNormalization.Form) -> [UInt32] {
        let bytes = UnicodeNormalization.normalize(Array(text.utf8), to: form)
        return String(decoding: bytes, as: UTF8.self).unicodeScalars.map(\.value)
    }

    @Test func `known texts take their known forms`() {
        #expect(normalize("e\u{301}", .nfc) == [0xE9])
        #expect(normalize("\u{E9}", .nfd) == [0x65, 0x301])
        #expect(normalize("\u{1E9B}\u{323}", .nfc) == [0x1E9B, 0x323])
        #expect(normalize("\u{1E9B}\u{323}", .nfkc) == [0x1E69])
        #expect(normalize("\u{FB01}", .nfkd) == [0x66, 0x69])
        #expect(normalize("\u{FB01}", .nfd) == [0xFB01])
        #expect(normalize("\u{212B}", .nfc) == [0xC5])
        // Excluded from composition.
        #expect(normalize("\u{958}", .nfc) == [0x915, 0x93C])
        // Marks are sorted by class; an equal class blocks.
        #expect(normalize("a\u{301}\u{323}", .nfd) == [0x61, 0x323, 0x301])
        #expect(normalize("a\u{302}\u{301}", .nfc) == [0x1EA5])
        #expect(normalize("a\u{305}\u{301}", .nfc) == [0x61, 0x305, 0x301])
    }

    @Test func `every Korean syllable is decomposed and composed`() {
        for value in stride(from: UInt32(0xAC00), through: 0xD7A3, by: 37) {
            let syllable = String(Unicode.Scalar(value).map(Character.init) ?? " ")
            let parts = normalize(syllable, .nfd)
            #expect(parts.count == 2 || parts.count == 3)
            #expect(normalize(String(String.UnicodeScalarView(parts.compactMap(Unicode.Scalar.init))), .nfc) == [value])
        }
    }

    @Test(arguments: [UnicodeNormalization.Form.nfc, .nfd, .nfkc, .nfkd])
    func `a form is stable and equivalent by the standard library`(form: UnicodeNormalization.Form) {
        var random = SplitMix(seed: 3)
        let ranges: [ClosedRange<UInt32>] = [
            0x20...0x17F, 0x300...0x36F, 0x370...0x5FF, 0x900...0xDFF, 0x1100...0x11FF, 0x1E00...0x1FFF,
            0x3040...0x30FF,
            0xAC00...0xD7A3, 0xF900...0xFAFF,
        ]
        for _ in 0..<2000 {
            let scalars = (0..<8).compactMap { _ in
                Unicode.Scalar(UInt32.random(in: ranges.randomElement(using: &random) ?? 0x20...0x7E, using: &random))
            }
            let text = Array(String(String.UnicodeScalarView(scalars)).utf8)
            let once = UnicodeNormalization.normalize(text, to: form)
            #expect(UnicodeNormalization.normalize(once, to: form) == once)
            if !form.isCompatible {
                // Strings are equal exactly where they are canonically equivalent.
                #expect(String(decoding: once, as: UTF8.self) == String(decoding: text, as: UTF8.self))
            }
        }
    }
}
