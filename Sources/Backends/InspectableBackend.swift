/// A backend whose activations can be looked at, for tests and diagnosis; looking waits for the device.
package protocol InspectableBackend: Backend, ~Copyable {
    /// The numbers of the first rows, `[count][width]`.
    mutating func read(_ rows: Rows, count: Int) throws(BackendError) -> [[Float]]
}

extension CPUBackend: InspectableBackend {
    package mutating func read(_ rows: CPURows, count: Int) throws(BackendError) -> [[Float]] {
        (0..<count).map { rows.copy(row: $0) }
    }
}
