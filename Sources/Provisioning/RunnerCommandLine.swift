/// The command that starts a runner on a machine.
package struct RunnerCommandLine: Sendable, Equatable {
    /// A path, or a name to be looked for where commands are.
    package var executable: String
    package var arguments: [String]

    package init(executable: String, arguments: [String]) {
        self.executable = executable
        self.arguments = arguments
    }

    /// The words for one machine.
    func words(machine: String) -> [String] { [executable] + arguments + ["--machine", machine] }
}

/// A service's name as part of its machines' names, which travel through shells, job names and host names.
enum ServiceName {
    static let bound = "1 ... 40 lower-case letters, digits and hyphens, no hyphen at either end"

    static func check(_ name: String) throws(PoolError) {
        let isPlain = name.utf8.allSatisfy { byte in
            (0x61...0x7A).contains(byte) || (0x30...0x39).contains(byte) || byte == UInt8(ascii: "-")
        }
        guard isPlain, (1...40).contains(name.utf8.count), !name.hasPrefix("-"), !name.hasSuffix("-") else {
            throw .invalidConfiguration(field: "service", bound: bound, value: name)
        }
    }
}
