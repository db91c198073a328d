/// A hold on an adapter: it stays in host memory until the last copy of this reference goes.
package final class AdapterLease: Sendable {
    /// The alias under which it was asked for.
    package let name: String
    package let adapter: LoadedAdapter
    private let end: @Sendable () -> Void

    init(name: String, adapter: LoadedAdapter, end: @escaping @Sendable () -> Void) {
        self.name = name
        self.adapter = adapter
        self.end = end
    }

    /// A hold on an adapter that no store keeps, for benchmarks and tests.
    package convenience init(name: String, adapter: LoadedAdapter) {
        self.init(name: name, adapter: adapter, end: {})
    }

    deinit { end() }
}
