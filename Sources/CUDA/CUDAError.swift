/// What goes wrong with CUDA and its libraries.
package enum CUDAError: Error, Equatable {
    /// A library's function answered with an error: the code, its name and what it means, as the library tells them.
    case call(function: String, code: Int, name: String, meaning: String)
    /// NVRTC refused a kernel; `log` is what it said.
    case compilation(kernel: String, log: String)
    /// A source was compiled but has no kernel of that name.
    case kernelMissing(String, source: String)
    /// No file of a library could be opened; `tried` lists every attempt and why it failed.
    case libraryMissing(String, tried: [String])
    /// cuBLASLt has no algorithm for a product.
    case noAlgorithm(DenseShape)
    /// There are only `count` GPUs.
    case noDevice(ordinal: Int, count: Int)
    /// A library was opened but lacks a function: it is of another version than this program needs.
    case symbolMissing(String, library: String)
}

extension CUDAError {
    /// Whether device or pinned memory ran out; everything allocated before is still good.
    package var isOutOfMemory: Bool {
        guard case .call(_, 2, let name, _) = self else { return false }
        return name == "CUDA_ERROR_OUT_OF_MEMORY"
    }

    /// Whether the context is lost: every later call fails with the same error, and only a new process helps.
    package var isSticky: Bool {
        guard case .call(_, let code, let name, _) = self, name.hasPrefix("CUDA_ERROR_") else { return false }
        return Self.stickyCodes.contains(code)
    }

    /// Uncorrectable ECC, NVLink, contained faults; illegal address, timeout, destroyed context, assert; the rest of
    /// 714…719 are hardware stack, illegal instruction, misalignment, address space, program counter, launch failure.
    private static var stickyCodes: [Int] { [214, 220, 226, 700, 702, 709, 710, 714, 715, 716, 717, 718, 719] }
}

extension CUDAError: CustomStringConvertible {
    package var description: String {
        switch self {
        case .call(let function, let code, let name, let meaning):
            "\(function) failed: \(meaning) (\(name), \(code))"
        case .compilation(let kernel, let log):
            "the kernels in \(kernel) do not compile:\n\(log)"
        case .kernelMissing(let kernel, let source):
            "there is no kernel \(kernel) in \(source)"
        case .libraryMissing("libcuda.so.1", _):
            "libcuda.so.1 was not found: this machine has no NVIDIA driver (nvidia-smi comes with it)"
        case .libraryMissing(let name, let tried):
            "\(name) was not found; set \(LibrarySearch.variable) to the folders that hold CUDA's libraries. Tried:\n"
                + tried.map { "  \($0)" }.joined(separator: "\n")
        case .noAlgorithm(let shape):
            "cuBLASLt has no algorithm for \(shape)"
        case .noDevice(let ordinal, let count):
            count == 0
                ? "the driver sees no GPU" : "there is no GPU \(ordinal): the driver sees \(count), numbered from 0"
        case .symbolMissing(let symbol, let library):
            "\(library) has no \(symbol): it is of a version this program cannot use"
        }
    }
}
