/// Which product has updates that lie apart from it (`UpdateBranch`), which its first reader adds. There is one at a time.
struct PendingUpdates {
    private var product: UInt64?

    /// Notes that the updates of the product at an address lie apart.
    mutating func leave(of product: UInt64) {
        precondition(self.product == nil, "updates of another product that nobody has added")
        self.product = product
    }

    /// Notes that other numbers are there now.
    mutating func overwrite(_ address: UInt64) {
        if product == address { product = nil }
    }

    /// Whether what is at an address lacks updates.
    func areLeft(of address: UInt64) -> Bool { product == address }

    /// Whether the reader of what is at an address has updates to add; asked again, no more.
    mutating func take(of address: UInt64) -> Bool {
        defer { overwrite(address) }
        return areLeft(of: address)
    }
}
