// What all kernels share: 16-bit numbers, reductions in a fixed order, programmatic dependent launch.
//
// Compiled by NVRTC without CUDA's headers. PUNICA_BF16 tells which 16-bit type activations have: 1 bfloat16,
// 0 IEEE half.
#pragma once

#include "DevicePointer.h"

#ifndef PUNICA_BF16
#define PUNICA_BF16 1
#endif

namespace punica {

// An activation or a weight, as its bits.
using element = unsigned short;

__device__ constexpr unsigned allLanes = 0xffffffffu;

__device__ __forceinline__ float infinity() { return __int_as_float(0x7f800000); }

__device__ __forceinline__ float toFloat(element x) {
#if PUNICA_BF16
    return __uint_as_float(static_cast<unsigned>(x) << 16);
#else
    float y;
    asm("cvt.f32.f16 %0, %1;" : "=f"(y) : "h"(x));
    return y;
#endif
}

// 2^x; zero where that is no normal number.
__device__ __forceinline__ float power(float x) {
    float y;
    asm("ex2.approx.ftz.f32 %0, %1;" : "=f"(y) : "f"(x));
    return y;
}

// To the nearest, ties to even.
__device__ __forceinline__ element toElement(float x) {
    element y;
#if PUNICA_BF16
    asm("cvt.rn.bf16.f32 %0, %1;" : "=h"(y) : "f"(x));
#else
    asm("cvt.rn.f16.f32 %0, %1;" : "=h"(y) : "f"(x));
#endif
    return y;
}

// The float that a 16-bit store would leave.
__device__ __forceinline__ float rounded(float x) { return toFloat(toElement(x)); }

// Two elements in one word, the first in its low half.
__device__ __forceinline__ float2 toFloats(unsigned pair) {
#if PUNICA_BF16
    return make_float2(__uint_as_float(pair << 16), __uint_as_float(pair & 0xffff0000u));
#else
    return make_float2(toFloat(static_cast<element>(pair)), toFloat(static_cast<element>(pair >> 16)));
#endif
}

__device__ __forceinline__ unsigned toPair(float low, float high) {
    unsigned pair;
#if PUNICA_BF16
    asm("cvt.rn.bf16x2.f32 %0, %1, %2;" : "=r"(pair) : "f"(high), "f"(low));
#else
    asm("cvt.rn.f16x2.f32 %0, %1, %2;" : "=r"(pair) : "f"(high), "f"(low));
#endif
    return pair;
}

// `count` elements that are read and written at once: 16, 8, 4 or 2 bytes. Addresses are aligned to that.
template <int count>
struct Pack;
template <>
struct Pack<8> { using type = uint4; };
template <>
struct Pack<4> { using type = uint2; };
template <>
struct Pack<2> { using type = unsigned; };
template <>
struct Pack<1> { using type = element; };

template <int count>
__device__ __forceinline__ void unpack(float (&values)[count], const typename Pack<count>::type raw) {
    if constexpr (count == 1) {
        values[0] = toFloat(raw);
    } else {
        const unsigned *words = reinterpret_cast<const unsigned *>(&raw);
#pragma unroll
        for (int i = 0; i < count / 2; i++) {
            const float2 two = toFloats(words[i]);
            values[2 * i] = two.x;
            values[2 * i + 1] = two.y;
        }
    }
}

template <int count>
__device__ __forceinline__ void load(float (&values)[count], const void *address) {
    // All of it at once: a reference would be read word by word.
    const auto raw = *static_cast<const typename Pack<count>::type *>(address);
    unpack(values, raw);
}

template <int count>
__device__ __forceinline__ void store(void *address, const float (&values)[count]) {
    if constexpr (count == 1) {
        *static_cast<element *>(address) = toElement(values[0]);
    } else {
        typename Pack<count>::type raw;
        unsigned *words = reinterpret_cast<unsigned *>(&raw);
#pragma unroll
        for (int i = 0; i < count / 2; i++) words[i] = toPair(values[2 * i], values[2 * i + 1]);
        *static_cast<typename Pack<count>::type *>(address) = raw;
    }
}

// `count` floats from an address aligned to min(count, 4) floats.
template <int count>
__device__ __forceinline__ void loadFloats(float (&values)[count], const float *address) {
    if constexpr (count % 4 == 0) {
#pragma unroll
        for (int i = 0; i < count; i += 4) {
            const float4 four = *reinterpret_cast<const float4 *>(address + i);
            values[i] = four.x;
            values[i + 1] = four.y;
            values[i + 2] = four.z;
            values[i + 3] = four.w;
        }
    } else {
#pragma unroll
        for (int i = 0; i < count; i++) values[i] = address[i];
    }
}

// To an address aligned to 4 floats.
template <int count>
__device__ __forceinline__ void storeFloats(float *address, const float (&values)[count]) {
    static_assert(count % 4 == 0, "four at a time");
#pragma unroll
    for (int i = 0; i < count; i += 4)
        *reinterpret_cast<float4 *>(address + i) = make_float4(values[i], values[i + 1], values[i + 2], values[i + 3]);
}

// The most elements of 8, 4, 2, 1 that divide `size`.
__device__ constexpr int packFor(int size) { return size % 8 == 0 ? 8 : size % 4 == 0 ? 4 : size % 2 == 0 ? 2 : 1; }

__device__ constexpr int powerOfTwoFrom(int n) {
    int power = 1;
    while (power < n) power *= 2;
    return power;
}

__device__ __forceinline__ int lane() { return threadIdx.x & 31; }
__device__ __forceinline__ int warp() { return threadIdx.x >> 5; }

// The sum over groups of `width` neighbouring lanes, a power of two; all of the warp must call. The same bits in each
// lane.
template <int width = 32>
__device__ __forceinline__ float warpSum(float x) {
#pragma unroll
    for (int distance = width / 2; distance > 0; distance /= 2) x += __shfl_xor_sync(allLanes, x, distance);
    return x;
}

// The sum over a block of `threads`, a multiple of 32; in every thread, with the same bits. `room` is shared memory for
// one float a warp, and may be used again after the caller's next barrier.
template <int threads>
__device__ __forceinline__ float blockSum(float x, float *room) {
    constexpr int warps = threads / 32;
    static_assert(threads % 32 == 0 && warps <= 32, "a block has 1 to 32 whole warps");
    x = warpSum(x);
    if constexpr (warps == 1) return x;
    if (lane() == 0) room[warp()] = x;
    __syncthreads();
    constexpr int width = powerOfTwoFrom(warps);
    const int index = lane() % width;
    return warpSum<width>(index < warps ? room[index] : 0.0f);
}

// Waits until all kernels before this one in the stream have ended and their stores are seen. Every thread that reads or
// writes what they touch calls it first, unless `seeWhatIsThere` is enough; and so does at least one thread of every
// launch, or the kernel after this one would not wait for those before.
__device__ __forceinline__ void waitForPredecessor() {
#if __CUDA_ARCH__ >= 900
    asm volatile("griddepcontrol.wait;" ::: "memory");
#endif
}

// Lets the next kernel start as soon as all blocks have come here or ended; it still waits for this one's end itself.
__device__ __forceinline__ void releaseSuccessor() {
#if __CUDA_ARCH__ >= 900
    asm volatile("griddepcontrol.launch_dependents;" ::: "memory");
#endif
}

// For a kernel whose predecessor has waited for all that it reads, in every block, before it released it: drops what this
// multiprocessor may hold of older values. Before the kernel's first loads, since it waits for those under way. Such a
// kernel waits for its predecessor in the end only.
__device__ __forceinline__ void seeWhatIsThere() { asm volatile("fence.acq_rel.gpu;" ::: "memory"); }

// Lets the next kernel start as early as can be, then waits. For kernels of which nothing that a successor reads before
// its own wait depends.
__device__ __forceinline__ void releaseAndWait() {
    releaseSuccessor();
    waitForPredecessor();
}

}  // namespace punica
