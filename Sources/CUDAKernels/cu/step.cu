// A step's numbers, fetched from pinned host memory.
//
//     punica_fetch_step   target[i] = source[i], 16 bytes a thread
//
// Not a copy of the driver's, which shares its engine with adapters on their way to the device. Beside loads it has
// measured no faster than that copy (docs/performance.md).
//
// Launch: grid ceil(packCount / 256), block 256.
#include "common.cuh"
#include "StepParams.h"

using namespace punica;

extern "C" __global__ void __launch_bounds__(256) punica_fetch_step(const __grid_constant__ FetchStepParams p) {
    const int i = blockIdx.x * 256 + threadIdx.x;
    if (i >= p.packCount) return;
    uint4 pack;
    // Past all caches, which would hold the step before's numbers.
    asm volatile("ld.relaxed.sys.global.v4.u32 {%0, %1, %2, %3}, [%4];"
                 : "=r"(pack.x), "=r"(pack.y), "=r"(pack.z), "=r"(pack.w)
                 : "l"(static_cast<const uint4 *>(p.source) + i)
                 : "memory");
    static_cast<uint4 *>(p.target)[i] = pack;
}
