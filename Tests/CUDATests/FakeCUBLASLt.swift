import CCUDA
import CUDA

/// A cuBLASLt that computes nothing: it writes its calls into the thread's `FakeDriver`.
///
/// It knows three algorithms for every shape, whose first word is 1, 2 and 3; layouts are numbered as they are made.
extension CUBLASLtFunctions {
    static var fake: CUBLASLtFunctions {
        CUBLASLtFunctions(
            getVersion: { 130100 },
            getStatusName: { _ in UnsafePointer(fakeStatus) },
            getStatusString: { _ in UnsafePointer(fakeStatus) },
            create: { CUDATests.fake("ltCreate", $0) },
            destroy: { _ in CUDATests.fake("ltDestroy") },
            matmulDescCreate: { handle, compute, scale in CUDATests.fake("descCreate \(compute) \(scale)", handle) },
            matmulDescDestroy: { _ in CUDATests.fake("descDestroy") },
            matmulDescSetAttribute: { _, attribute, value, byteCount in
                CUDATests.fake("descSet \(attribute) \(value.load(as: Int32.self)) \(byteCount)")
            },
            matrixLayoutCreate: { handle, type, rows, columns, stride in
                CUDATests.fake("layout \(type) \(rows) \(columns) \(stride)", handle)
            },
            matrixLayoutDestroy: { _ in CUDATests.fake("layoutDestroy") },
            matmulPreferenceCreate: { CUDATests.fake("preferenceCreate", $0) },
            matmulPreferenceDestroy: { _ in CUDATests.fake("preferenceDestroy") },
            matmulPreferenceSetAttribute: { _, attribute, value, byteCount in
                let number = byteCount == 8 ? value.load(as: UInt64.self) : UInt64(value.load(as: UInt32.self))
                return CUDATests.fake("preferenceSet \(attribute) \(number)")
            },
            matmulAlgoGetHeuristic: { _, _, a, b, c, d, _, capacity, results, count in
                let known = min(capacity, 3)
                for index in 0..<Int(known) {
                    results[index].algorithm.words.0 = UInt64(index + 1)
                    results[index].workspaceBytes = 1024
                }
                count.pointee = known
                return CUDATests.fake("heuristic \(number(a)) \(number(b)) \(number(c)) \(number(d)) \(capacity)")
            },
            matmulAlgoCheck: { _, _, _, _, _, _, algorithm, result in
                result.pointee.workspaceBytes = 1024
                return CUDATests.fake("check \(algorithm.pointee.words.0)")
            },
            matmul: {
                _,
                _,
                alpha,
                a,
                aLayout,
                b,
                bLayout,
                beta,
                c,
                cLayout,
                d,
                dLayout,
                algorithm,
                _,
                byteCount,
                stream in
                let scales = "\(alpha.load(as: Float.self)) \(beta.load(as: Float.self))"
                let operands =
                    "\(a)@\(number(aLayout)) \(b)@\(number(bLayout)) \(c)@\(number(cLayout)) \(d)@\(number(dLayout))"
                let how = "\(algorithm.pointee.words.0) \(byteCount) \(number(stream))"
                return CUDATests.fake("matmul\(algorithm.pointee.words.0) \(scales) \(operands) \(how)")
            }
        )
    }
}

// Never freed, never written again.
private nonisolated(unsafe) let fakeStatus: UnsafeMutablePointer<CChar> = {
    let bytes = UnsafeMutablePointer<CChar>.allocate(capacity: 16)
    for (index, byte) in "FAKE_STATUS".utf8CString.enumerated() { bytes[index] = byte }
    return bytes
}()
