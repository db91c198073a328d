/// Which StatefulSet a pool of pods is.
package struct KubernetesConfiguration: Sendable, Equatable {
    package let namespace: String
    package let statefulSet: String
    package let maxReplicas: Int

    package init(namespace: String, statefulSet: String, maxReplicas: Int) throws(PoolError) {
        try ServiceName.check(namespace)
        try ServiceName.check(statefulSet)
        guard maxReplicas > 0 else {
            throw .invalidConfiguration(field: "pool size", bound: "at least 1", value: "\(maxReplicas)")
        }
        self.namespace = namespace
        self.statefulSet = statefulSet
        self.maxReplicas = maxReplicas
    }

    var scalePath: String { "/apis/apps/v1/namespaces/\(namespace)/statefulsets/\(statefulSet)/scale" }

    func podsPath(selector: String) -> String {
        "/api/v1/namespaces/\(namespace)/pods?labelSelector=\(Self.queryEncoded(selector))"
    }

    func pod(_ ordinal: Int) -> String { "\(statefulSet)-\(ordinal)" }

    /// Nil for what is no pod of the set.
    func ordinal(_ pod: String) -> Int? {
        guard pod.hasPrefix(statefulSet + "-") else { return nil }
        let digits = pod.dropFirst(statefulSet.utf8.count + 1)
        guard !digits.isEmpty, digits.utf8.allSatisfy({ (0x30...0x39).contains($0) }) else { return nil }
        return Int(digits)
    }

    private static func queryEncoded(_ text: String) -> String {
        text.utf8.map { byte in
            switch byte {
            case 0x30...0x39, 0x41...0x5A, 0x61...0x7A, UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "_"):
                String(UnicodeScalar(byte))
            default: "%" + (byte < 16 ? "0" : "") + String(byte, radix: 16, uppercase: true)
            }
        }.joined()
    }
}
