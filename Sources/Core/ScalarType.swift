/// How a number is stored in a checkpoint or on a device.
package enum ScalarType: String, Sendable, CaseIterable {
    case float32
    case float16
    case bfloat16

    package var byteCount: Int {
        switch self {
        case .float32: 4
        case .float16, .bfloat16: 2
        }
    }
}
