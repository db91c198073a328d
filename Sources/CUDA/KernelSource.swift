/// CUDA C++ text and the headers it may include.
package struct KernelSource: Sendable, Equatable {
    package struct Header: Sendable, Equatable {
        /// As the `#include` says it.
        package let name: String
        package let text: String

        package init(name: String, text: String) {
            self.name = name
            self.text = text
        }
    }

    /// Its file's name; for messages.
    package let name: String
    package let text: String
    package let headers: [Header]

    package init(name: String, text: String, headers: [Header] = []) {
        self.name = name
        self.text = text
        self.headers = headers
    }
}

/// A source to compile with the constants of one model.
package struct KernelJob: Sendable, Equatable {
    package let source: KernelSource
    /// Preprocessor constants, by name: `["PUNICA_BF16": "1"]`.
    package let defines: [String: String]
    /// Further options for the compiler.
    package let options: [String]

    package init(_ source: KernelSource, defines: [String: String] = [:], options: [String] = []) {
        self.source = source
        self.defines = defines
        self.options = options
    }

    /// What the compiler is told, for an architecture such as `sm_90a`; the same for the same job.
    func arguments(_ architecture: String) -> [String] {
        let constants = defines.sorted { $0.key < $1.key }.map { "-D\($0.key)=\($0.value)" }
        return ["--gpu-architecture=\(architecture)", "-std=c++17"] + constants + options
    }
}
