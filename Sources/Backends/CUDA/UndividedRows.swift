/// Rows that stand for a norm's but are still to be divided by their root mean squares, which the products do that take
/// them. There are such rows in one place at a time.
struct UndividedRows {
    private var held: (address: UInt64, epsilon: Float)?

    /// Notes that a norm has been left so.
    mutating func leave(at address: UInt64, epsilon: Float) {
        precondition(held == nil || held?.address == address, "rows elsewhere are still undivided")
        held = (address, epsilon)
    }

    /// Notes that other numbers are there now.
    mutating func overwrite(_ address: UInt64) {
        if held?.address == address { held = nil }
    }

    /// The epsilon of the norm, where there are such rows.
    func epsilon(at address: UInt64) -> Float? {
        held.flatMap { $0.address == address ? $0.epsilon : nil }
    }
}
