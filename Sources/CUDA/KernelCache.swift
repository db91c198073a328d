/// Compiled kernels on disk, by what they were compiled from.
///
/// A file is named after the hash of its key and holds
///
///     "punica kernel 1\n"   lengths of key and code, hash of the code (UInt64 each, little endian)   key   code
///
/// A reader takes the code only when the whole key is the one it wants and the hash of the code is right: neither two
/// keys of one hash nor a file cut short or damaged is ever taken for a kernel.
package struct KernelCache: Sendable {
    /// Everything that the machine code depends on.
    package struct Key: Sendable, Equatable {
        /// Each part behind its length, so that no two keys read alike.
        let bytes: [UInt8]

        package init(_ job: KernelJob, architecture: String, compiler: (major: Int, minor: Int)) {
            var parts = ["NVRTC \(compiler.major).\(compiler.minor)"]
            let arguments = job.arguments(architecture)
            parts += ["\(arguments.count) options"] + arguments
            parts += job.source.headers.flatMap { [$0.name, $0.text] }
            parts += [job.source.name, job.source.text]
            bytes = parts.flatMap { part in Array("\(part.utf8.count) ".utf8) + Array(part.utf8) }
        }

        /// FNV-1a in hexadecimal; not unique, and need not be.
        var fileName: String { String(fnv1a(bytes), radix: 16) + ".kernel" }
    }

    let directory: String

    private static let magic = Array("punica kernel 1\n".utf8)
    private static let headerBytes = magic.count + 3 * 8

    package init(directory: String) {
        self.directory = directory
    }

    /// `punica/kernels` in the user's cache directory; nil when the environment names neither it nor a home.
    package static func standardDirectory(
        environment: (String) -> String? = LibrarySearch.processEnvironment
    ) -> String? {
        if let caches = environment("XDG_CACHE_HOME"), caches.hasPrefix("/") { return "\(caches)/punica/kernels" }
        guard let home = environment("HOME"), !home.isEmpty else { return nil }
        return "\(home)/.cache/punica/kernels"
    }

    /// The code compiled from `key`, or nil.
    package func read(_ key: Key) -> [UInt8]? {
        guard let file = readFile(path(key)), file.count >= Self.headerBytes, file.starts(with: Self.magic) else {
            return nil
        }
        let numbers = (0..<3).map { index in number(file, at: Self.magic.count + 8 * index) }
        let code = Self.headerBytes + key.bytes.count
        guard numbers[0] == key.bytes.count, code <= file.count, numbers[1] == file.count - code,
            file[Self.headerBytes..<code].elementsEqual(key.bytes), numbers[2] == fnv1a(file[code...])
        else { return nil }
        return Array(file[code...])
    }

    /// Keeps code for later starts; another process sees the whole file or none of it.
    ///
    /// - Returns: false when the directory or the file cannot be written.
    @discardableResult
    package func write(_ code: [UInt8], for key: Key) -> Bool {
        let numbers = [UInt64(key.bytes.count), UInt64(code.count), fnv1a(code)]
        let header =
            Self.magic + numbers.flatMap { number in (0..<8).map { UInt8(truncatingIfNeeded: number >> (8 * $0)) } }
        return replaceFile(path(key), with: header + key.bytes + code)
    }

    private func path(_ key: Key) -> String { "\(directory)/\(key.fileName)" }

    private func number(_ file: [UInt8], at offset: Int) -> UInt64 {
        (0..<8).reduce(0) { $0 | UInt64(file[offset + $1]) << (8 * UInt64($1)) }
    }
}

func fnv1a(_ bytes: some Sequence<UInt8>) -> UInt64 {
    bytes.reduce(0xcbf2_9ce4_8422_2325) { ($0 ^ UInt64($1)) &* 0x0000_0100_0000_01b3 }
}
