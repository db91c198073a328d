internal import CUDAKernels

extension KernelSource {
    /// The names of the kernels' files in this program: `rows.cu` and so on.
    package static var embeddedNames: [String] {
        embedded.map(\.name).filter { $0.hasSuffix(".cu") }
    }

    /// A kernel file of this program, with the headers that it includes.
    ///
    /// - Parameter name: one of `embeddedNames`.
    package init(embedded name: String) {
        let files = Self.embedded
        guard let file = files.first(where: { $0.name == name }) else {
            preconditionFailure("no kernel file \(name) is embedded")
        }
        self.init(name: name, text: file.text, headers: Self.headers(of: file.text, among: files))
    }

    /// Those that a text includes, directly or through others, in the order of the list.
    ///
    /// Only they take part in the key of the compiled kernel, so that a change elsewhere compiles nothing anew.
    static func headers(of text: String, among files: [Header]) -> [Header] {
        var wanted: Set<String> = []
        var unread = [text]
        while let next = unread.popLast() {
            for header in files where next.contains("\"\(header.name)\"") {
                if wanted.insert(header.name).inserted { unread.append(header.text) }
            }
        }
        return files.filter { wanted.contains($0.name) }
    }

    private static var embedded: [Header] {
        (0..<kernelTextCount).map { index in
            let path = String(cString: kernelTexts[index].path)
            let name = path.split(separator: "/").last.map(String.init) ?? path
            return Header(name: name, text: String(cString: kernelTexts[index].text))
        }
    }
}
