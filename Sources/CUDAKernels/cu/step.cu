// A step's numbers, fetched from pinned host memory.
//
//     punica_fetch_step   target[i] = source[i], and the same of the others, 16 bytes a thread; where source has -1 - n
//                         for a token, or the others for one seen, target gets the n-th that the step before chose
//
// Not a copy of the driver's, which shares its engine with adapters on their way to the device. Beside loads it has
// measured no faster than that copy.
//
// Launch: grid ceil((packCount + otherPackCount) / 256), block 256; not beside its predecessor, whose tokens it reads.
#include "common.cuh"
#include "StepParams.h"

using namespace punica;

__device__ __forceinline__ int4 fetch(const void *source, int i) {
    int4 pack;
    // Past all caches, which would hold the step before's numbers.
    asm volatile("ld.relaxed.sys.global.v4.u32 {%0, %1, %2, %3}, [%4];"
                 : "=r"(pack.x), "=r"(pack.y), "=r"(pack.z), "=r"(pack.w)
                 : "l"(static_cast<const int4 *>(source) + i)
                 : "memory");
    return pack;
}

// A token, or the one that it stands for. Where nothing could be chosen any will do: that sequence has ended.
__device__ __forceinline__ int resolve(int token, const int32_t *chosen) {
    if (token >= 0) return token;
    int found;
    // They may be on another GPU, whose memory this one's L1 must not remember.
    asm volatile("ld.relaxed.sys.global.s32 %0, [%1];" : "=r"(found) : "l"(chosen - 1 - token) : "memory");
    return max(found, 0);
}

extern "C" __global__ void __launch_bounds__(256) punica_fetch_step(const __grid_constant__ FetchStepParams p) {
    const int i = blockIdx.x * 256 + threadIdx.x;
    if (i < p.packCount) {
        int4 pack = fetch(p.source, i);
        if (4 * i >= p.firstToken && 4 * i < p.tokenEnd) {
            pack.x = resolve(pack.x, p.chosen);
            pack.y = resolve(pack.y, p.chosen);
            pack.z = resolve(pack.z, p.chosen);
            pack.w = resolve(pack.w, p.chosen);
        }
        static_cast<int4 *>(p.target)[i] = pack;
    } else if (i - p.packCount < p.otherPackCount) {
        const int place = i - p.packCount;
        int4 pack = fetch(p.otherSource, place);
        // Two tokens seen; what lies behind the last is anything.
        if (4 * place >= p.firstSeen && 4 * place < p.seenEnd) pack.x = resolve(pack.x, p.chosen);
        if (4 * place >= p.firstSeen && 4 * place + 2 < p.seenEnd) pack.z = resolve(pack.z, p.chosen);
        static_cast<int4 *>(p.otherTarget)[place] = pack;
    }
}
