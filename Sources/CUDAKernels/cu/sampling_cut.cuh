// The largest weights of a row without sorting, ten bits of their keys at a time; see sampling.cu.
#pragma once

#include "sampling_weights.cuh"

constexpr int classes = 1024;
static_assert(classes == rowThreads, "a thread has a class");

// Calls `body(read(i), i)` for all i of a row, over a block of 1024, with several loads under way at a time.
template <class Read, class Body>
__device__ __forceinline__ void forRow(const Read &read, const Body &body) {
    constexpr int batch = 16;
    for (int first = threadIdx.x; first < vocabulary; first += batch * rowThreads) {
        decltype(read(0)) values[batch];
#pragma unroll
        for (int i = 0; i < batch; i++) {
            const int token = first + i * rowThreads;
            if (token < vocabulary) values[i] = read(token);
        }
#pragma unroll
        for (int i = 0; i < batch; i++) {
            const int token = first + i * rowThreads;
            if (token < vocabulary) body(values[i], token);
        }
    }
}

// How many keys, and what weights, each class of ten bits has.
struct Tally {
    unsigned counts[classes];
    // Sums of mantissas' low and high 12 bits: integers, so that their order does not matter.
    unsigned low[classes];
    unsigned high[classes];

    // Ends with a barrier.
    __device__ __forceinline__ void clear() {
        counts[threadIdx.x] = 0;
        low[threadIdx.x] = 0;
        high[threadIdx.x] = 0;
        __syncthreads();
    }

    __device__ __forceinline__ void add(unsigned bits, int shift, bool wantsMass) {
        const int index = bits >> shift & (classes - 1);
        atomicAdd(&counts[index], 1u);
        if (!wantsMass) return;
        const unsigned mantissa = (bits & 0x7fffffu) | (bits >> 23 ? 0x800000u : 0u);
        atomicAdd(&low[index], mantissa & 4095u);
        atomicAdd(&high[index], mantissa >> 12);
    }

    // The sum of the weights of a class; `bits` are the leading bits of all of them.
    __device__ __forceinline__ double mass(int index, unsigned bits) const {
        const uint64_t mantissas = (static_cast<uint64_t>(high[index]) << 12) + low[index];
        const int exponent = static_cast<int>(bits >> 23);
        const double scale = __longlong_as_double(static_cast<long long>((exponent ? exponent : 1) - 150 + 1023) << 52);
        return static_cast<double>(mantissas) * scale;
    }
};

// A class, and what lies above it.
struct Descent {
    int index, count, countAbove;
    double massAbove;
};

struct CutRoom {
    int counts[32];
    double masses[32];
    int first, last;
    Descent descent;
};

// The class, from the largest down, in which the limit is met, or the lowest that is not empty. The calling thread's
// class, 1023 - threadIdx.x, has `count` keys of weight `mass`. Begins and ends with a barrier.
template <class IsMet>
__device__ __forceinline__ Descent
descend(int count, double mass, int countAbove, double massAbove, CutRoom &room, const IsMet &isMet) {
    __syncthreads();
    const int countInWarp = warpBefore(count);
    const double massInWarp = warpBefore(mass);
    if (lane() == 31) {
        room.counts[warp()] = countInWarp + count;
        room.masses[warp()] = massInWarp + mass;
    }
    if (threadIdx.x == 0) {
        room.first = nothing;
        room.last = -1;
    }
    __syncthreads();
    const int before = countAbove + __shfl_sync(allLanes, warpBefore(room.counts[lane()]), warp()) + countInWarp;
    const double massBefore =
        massAbove + (__shfl_sync(allLanes, warpBefore(room.masses[lane()]), warp()) + massInWarp);
    if (count > 0) {
        if (isMet(before + count, massBefore + mass)) atomicMin(&room.first, static_cast<int>(threadIdx.x));
        atomicMax(&room.last, static_cast<int>(threadIdx.x));
    }
    __syncthreads();
    const int chosen = room.first == nothing ? room.last : room.first;
    if (static_cast<int>(threadIdx.x) == chosen) {
        room.descent = {classes - 1 - static_cast<int>(threadIdx.x), count, before, massBefore};
    }
    __syncthreads();
    return room.descent;
}

// Which weights to keep: all above `weight`, and of those equal to it the `kept` of lowest id.
struct Cut {
    float weight = 0;
    int equals = 0, kept = 0;
    double massAbove = 0;

    __device__ double mass() const { return massAbove + static_cast<double>(weight) * kept; }
};

// Finds cuts of one row of weights; all of it in shared memory, by a block of 1024.
struct CutFinder {
    static constexpr int listCapacity = 4096;

    // Of the weights' leading ten bits, once for all cuts.
    Tally coarse;
    Tally fine;
    CutRoom room;
    // The weights of one class of `coarse`, in any order.
    unsigned list[listCapacity];
    int listCount;

    __device__ void tally(const float *weights, bool wantsMass) {
        coarse.clear();
        forRow([&](int token) { return __float_as_uint(weights[token]); }, [&](unsigned bits, int) {
            if (bits != 0) coarse.add(bits, 20, wantsMass);
        });
    }

    // The cut that keeps `limit` weights or, by mass, the fewest whose sum reaches `massLimit`.
    template <bool isByMass>
    __device__ Cut find(const float *weights, int limit, double massLimit) {
        const auto isMet = [&](int count, double sum) { return isByMass ? sum >= massLimit : count >= limit; };
        const int index = classes - 1 - threadIdx.x;
        __syncthreads();
        Descent descent = descend(
            coarse.counts[index], coarse.mass(index, static_cast<unsigned>(index) << 20), 0, 0, room, isMet);
        unsigned prefix = descent.index;
        const bool isListed = descent.count <= listCapacity;
        if (isListed) {
            if (threadIdx.x == 0) listCount = 0;
            __syncthreads();
            forRow([&](int token) { return __float_as_uint(weights[token]); }, [&](unsigned bits, int) {
                if (bits >> 20 == prefix && bits != 0) list[atomicAdd(&listCount, 1)] = bits;
            });
        }
        for (int shift = 10; shift >= 0; shift -= 10) {
            fine.clear();
            const auto add = [&](unsigned bits, int) {
                if (bits >> (shift + 10) == prefix && bits != 0) fine.add(bits, shift, true);
            };
            if (isListed) {
                for (int i = threadIdx.x; i < listCount; i += rowThreads) add(list[i], i);
            } else {
                forRow([&](int token) { return __float_as_uint(weights[token]); }, add);
            }
            __syncthreads();
            const double mass = fine.mass(index, (prefix << 10 | index) << shift);
            descent = descend(fine.counts[index], mass, descent.countAbove, descent.massAbove, room, isMet);
            prefix = prefix << 10 | descent.index;
        }
        Cut cut;
        cut.weight = __uint_as_float(prefix);
        cut.equals = descent.count;
        cut.massAbove = descent.massAbove;
        const int wanted = isByMass
            ? static_cast<int>(min(ceil((massLimit - cut.massAbove) / cut.weight), static_cast<double>(cut.equals)))
            : limit - descent.countAbove;
        cut.kept = min(max(wanted, 1), cut.equals);
        return cut;
    }
};

// The token that is the `rank`-th, from 1, of those that match, in the order of ids; -1 if there are fewer. A block of
// 1024 calls.
template <class Matches>
__device__ int tokenOfRank(int rank, CutRoom &room, const Matches &matches) {
    // Thread i has the i-th run of ids.
    constexpr int each = (vocabulary + rowThreads - 1) / rowThreads;
    const int start = threadIdx.x * each, end = min(start + each, vocabulary);
    int count = 0;
    for (int token = start; token < end; token++) count += matches(token);
    int before = blockBefore(count, room.counts);
    if (threadIdx.x == 0) room.last = -1;
    __syncthreads();
    if (before < rank && before + count >= rank) {
        for (int token = start; token < end; token++) {
            if (matches(token) && ++before == rank) room.last = token;
        }
    }
    __syncthreads();
    const int token = room.last;
    __syncthreads();
    return token;
}
