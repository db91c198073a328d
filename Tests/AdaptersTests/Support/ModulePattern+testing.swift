@testable import Adapters

/// What is asked with a budget of its own, where a test is not about budgets.
extension ModulePattern {
    func matchesWhole(_ path: String) throws(Failure) -> Bool {
        var budget = Budget()
        return try matchesWhole(path, &budget)
    }
}

extension PatternTable {
    func value(for path: String) throws(ModulePattern.Failure) -> Value? {
        var budget = ModulePattern.Budget()
        return try value(for: path, &budget)
    }
}

extension AdapterConfiguration {
    func isTargeted(_ module: AdapterModule) throws(ModulePattern.Failure) -> Bool {
        var budget = ModulePattern.Budget()
        return try isTargeted(module, &budget)
    }

    func rank(of module: AdapterModule) throws(ModulePattern.Failure) -> Int {
        var budget = ModulePattern.Budget()
        return try update(of: module, &budget).rank
    }

    func scale(of module: AdapterModule) throws(ModulePattern.Failure) -> Float {
        var budget = ModulePattern.Budget()
        return try update(of: module, &budget).scale
    }
}
