internal import CUDA
internal import Foundation

/// What there is of CUDA on this machine.
struct MachineReport {
    private let lines: [(subject: String, text: String)]

    init(ordinal: Int) throws(CUDAError) {
        let driver = try Driver()
        let context = try Context(driver, ordinal: ordinal)
        let free = try context.freeMemory()
        let nvrtc = try NVRTC(driverVersion: driver.version)
        let dense = try CUBLASLt(driverVersion: driver.version)
        var lines = [
            ("driver", "\(Self.version(driver.version, 1000, 10)), \(driver.path)"),
            (
                "GPU \(ordinal)",
                "\(context.name), \(context.architecture), \(context.multiprocessorCount) multiprocessors, "
                    + "\(context.totalMemory >> 20) MiB (\(free >> 20) free)"
            ),
            ("NVRTC", "\(nvrtc.version.major).\(nvrtc.version.minor), \(nvrtc.path)"),
            ("cuBLASLt", "\(dense.version), \(dense.path)"),
        ]
        do throws(CUDAError) {
            let nccl = try NCCL()
            lines.append(("NCCL", "\(nccl.version), \(nccl.path)"))
        } catch {
            lines.append(("NCCL", "missing; only several GPUs together need it"))
        }
        self.lines = lines
    }

    func print() { for (subject, text) in lines { tell(subject, text) } }

    private static func version(_ number: Int, _ major: Int, _ minor: Int) -> String {
        "\(number / major).\(number % major / minor)"
    }
}
