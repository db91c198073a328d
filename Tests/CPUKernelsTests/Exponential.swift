/// e to the power of x in double by a series of a halved argument: it shares nothing with the kernel.
func exp(_ x: Double) -> Double {
    if x.isNaN { return x }
    if x > 700 { return .infinity }
    if x < -740 { return 0 }
    var term = 1.0
    var sum = 1.0
    let small = x / 1024
    for n in 1...12 {
        term *= small / Double(n)
        sum += term
    }
    for _ in 0..<10 { sum *= sum }
    return sum
}
