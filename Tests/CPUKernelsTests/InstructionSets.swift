import CPUKernels
import Testing

/// The instruction sets of this machine.
let instructionSets: [String] = ["portable", "avx2", "avx512"].filter { (name: String) in punica_cpu_select(name) }

let scalarTypes: [punica_scalar] = [.float32, .float16, .bfloat16]

/// All tests of the kernels, one at a time so that pools of threads do not compete.
@Suite(.serialized) enum Kernels {}

/// Runs `body` once per instruction set of this machine.
func onEveryInstructionSet(_ body: (String) throws -> Void) rethrows {
    for name in instructionSets {
        #expect(punica_cpu_select(name))
        try body(name)
    }
    #expect(punica_cpu_select("auto"))
}

extension Kernels {
    @Suite struct InstructionSets {
        @Test func `the portable set always exists and auto takes the widest`() throws {
            #expect(instructionSets.first == "portable")
            #expect(punica_cpu_select("auto"))
            #expect(String(cString: punica_cpu_selected()) == instructionSets.last)
        }

        @Test func `an unknown set is refused and changes nothing`() {
            #expect(punica_cpu_select("portable"))
            #expect(!punica_cpu_select("sse9"))
            #expect(!punica_cpu_select(""))
            #expect(String(cString: punica_cpu_selected()) == "portable")
            #expect(punica_cpu_select("auto"))
        }
    }
}
