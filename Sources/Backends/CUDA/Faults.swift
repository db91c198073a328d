internal import CUDA

/// The first error of a device; what follows it is skipped.
final class Faults {
    private(set) var first: CUDAError?

    /// Does what may fail on the device, unless something has failed already.
    func attempt(_ body: () throws(CUDAError) -> Void) {
        guard first == nil else { return }
        do throws(CUDAError) { try body() } catch { first = error }
    }
}
