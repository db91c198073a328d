import CCUDA
import CUDA
import Glibc
import Synchronization

/// A driver without a GPU: it hands out made-up handles and writes down what it was asked.
///
/// C functions carry no state, so each finds the driver of the thread it is called on; a test runs on one thread.
final class FakeDriver {
    struct Launch: Equatable {
        var grid: [UInt32]
        var block: [UInt32]
        var sharedBytes: UInt32
        var stream: Int
        var attributes: [String]
        var parameters: [UInt8]
    }

    /// Calls in order, with the arguments that matter.
    var calls: [String] = []
    var launches: [Launch] = []
    /// What a function answers instead of success.
    var failures: [String: CUresult] = [:]
    var capability: (Int32, Int32) = (9, 0)
    var deviceCount: Int32 = 1
    /// How much of a launch's parameters is kept.
    var parameterBytes = 0
    /// What `eventElapsedTime` answers, one after the other.
    var times: [Float] = []
    /// Host memory that plays the GPU's, by address.
    var memory: [UInt64: [UInt8]] = [:]
    var current: CUcontext?

    private var lastHandle = 0x1000

    /// Runs `body` with a driver of its own.
    static func run<Value>(
        _ configure: (FakeDriver) -> Void = { _ in },
        _ body: (FakeDriver, Context) throws -> Value
    ) throws -> Value {
        let fake = FakeDriver()
        configure(fake)
        let address = UInt(bitPattern: Unmanaged.passRetained(fake).toOpaque())
        drivers.withLock { $0[pthread_self()] = address }
        defer {
            drivers.withLock { $0[pthread_self()] = nil }
            Unmanaged.passUnretained(fake).release()
        }
        return try body(fake, try Context(try Driver(.fake, path: "fake")))
    }

    static var ofThread: FakeDriver {
        let address = drivers.withLock { $0[pthread_self()] }
        guard let address, let pointer = UnsafeRawPointer(bitPattern: address) else {
            preconditionFailure("no fake driver on this thread")
        }
        return Unmanaged<FakeDriver>.fromOpaque(pointer).takeUnretainedValue()
    }

    func makeHandle() -> Int {
        lastHandle += 0x10
        return lastHandle
    }

    /// Writes a call down and answers it.
    func note(_ call: String) -> CUresult {
        calls.append(call)
        return failures[String(call.prefix { $0 != " " })] ?? 0
    }

    func count(_ name: String) -> Int { calls.count { $0 == name || $0.hasPrefix("\(name) ") } }

    // Addresses of drivers, each read only by the thread that put it in.
    private static let drivers = Mutex<[pthread_t: UInt]>([:])
}

func fake(_ call: String) -> CUresult { FakeDriver.ofThread.note(call) }

/// Answers a call that makes something.
func fake(_ call: String, _ handle: UnsafeMutablePointer<OpaquePointer?>) -> CUresult {
    let driver = FakeDriver.ofThread
    let made = driver.makeHandle()
    let result = driver.note("\(call) \(made)")
    if result == 0 { handle.pointee = OpaquePointer(bitPattern: made) }
    return result
}

func number(_ handle: OpaquePointer?) -> Int { handle.map { Int(bitPattern: $0) } ?? 0 }
