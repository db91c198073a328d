// Chooses a token for each wanted row, as the Swift `Sampler` does, and reports probabilities.
//
// A row's weights are w[i] = exp((logit[i] - largest) / temperature). The token is where a draw u·Σw falls when the
// weights are laid end to end in the order of ids; u is the Philox number of (seed, position). Weights and the float32
// part of their sums are computed by the same operations in the same order as on the host, so that equal logits give
// equal tokens; only the float64 sums of whole chunks are taken in another order.
//
// A row is cut into chunks of 256 logits. Eight neighbouring threads have a chunk: thread l adds up the weights
// l, l + 8, l + 16, ... of it, which are the lanes that the host's vectors have.
//
//     punica_sample_largest   largest logit of each part (32 chunks) of a row
//     punica_sample_weigh     sum of the weights of each chunk; leaves greedy rows alone
//     punica_sample_choose    the token: the largest logit, or where the draw falls
// and for rows with bans, biases, penalties, min-p, top-k or top-p:
//     punica_sample_edit           the edited logits in float32, and the largest of each part
//     punica_sample_weigh_edited   their weights, in place, and the sum of each chunk
//     punica_sample_cut            which weights are kept, and where the draw falls among them
// and for rows that want to know:
//     punica_sample_report    logarithms of probabilities in the raw logits: the chosen token's and the largest
//
// Constants: PUNICA_VOCABULARY (V, at most 262144), PUNICA_LOGITS_F32 (1: logits are float32; 0: 16-bit, of the type
// that PUNICA_BF16 tells).
//
// Launches, in this order, for a bucket of W wanted rows and lists of N rows; blocks beyond the live counts leave:
//     punica_sample_largest        grid (ceil(V / 8192), W), block 256
//     punica_sample_weigh          grid (ceil(V / 8192), W), block 256; not needed if all rows are greedy or edited
//     punica_sample_choose         grid (W), block 32
//     punica_sample_edit           grid (ceil(V / 8192), N), block 256
//     punica_sample_weigh_edited   grid (ceil(V / 8192), N), block 256
//     punica_sample_cut            grid (N), block 1024
//     punica_sample_report         grid (N), block 1024
#include "common.cuh"
#include "SamplingParams.h"

#ifndef PUNICA_VOCABULARY
#define PUNICA_VOCABULARY 32000
#endif
#ifndef PUNICA_LOGITS_F32
#define PUNICA_LOGITS_F32 1
#endif

using namespace punica;

constexpr int vocabulary = PUNICA_VOCABULARY;
constexpr int chunk = 256, chunkLanes = 8;
constexpr int chunks = (vocabulary + chunk - 1) / chunk;
constexpr int partThreads = 256, partChunks = partThreads / chunkLanes;
constexpr int parts = (chunks + partChunks - 1) / partChunks;
constexpr int rowThreads = 1024;
constexpr int nothing = 0x7fffffff;
static_assert(vocabulary >= 1 && parts <= 32, "the parts of a row fit a warp");

#if PUNICA_LOGITS_F32
using Logit = float;
__device__ __forceinline__ float widen(float logit) { return logit; }
#else
using Logit = element;
__device__ __forceinline__ float widen(element logit) { return toFloat(logit); }
#endif

// The largest value and, of equals, the lowest token; NaN and -infinity are passed over.
struct Largest {
    float value = -infinity();
    int token = nothing;

    __device__ __forceinline__ void see(float logit, int id) {
        if (logit > value || (logit == value && id < token && logit > -infinity())) {
            value = logit;
            token = id;
        }
    }
};

template <int width = 32>
__device__ __forceinline__ Largest warpLargest(Largest x) {
#pragma unroll
    for (int distance = width / 2; distance > 0; distance /= 2) {
        const float value = __shfl_xor_sync(allLanes, x.value, distance);
        const int token = __shfl_xor_sync(allLanes, x.token, distance);
        x.see(value, token);
    }
    return x;
}

// Over a block, in every thread; ends with the room free for other use.
template <int threads>
__device__ __forceinline__ Largest blockLargest(Largest x, SampleLargest *room) {
    constexpr int warps = threads / 32;
    x = warpLargest(x);
    if (lane() == 0) room[warp()] = {x.value, x.token};
    __syncthreads();
    Largest all;
    if (lane() < warps) all.see(room[lane()].value, room[lane()].token);
    __syncthreads();
    return warpLargest(all);
}

// The host's exponential, step by step: no product may be fused into a sum.
__device__ __forceinline__ float exponential(float x) {
    constexpr float shifter = 12582912.0f;
    const float shifted = __fadd_rn(__fmul_rn(x, 1.44269504f), shifter);
    const float n = __fsub_rn(shifted, shifter);
    const float r = __fadd_rn(__fsub_rn(x, __fmul_rn(n, 0.693359375f)), __fmul_rn(n, 2.1219444005e-4f));
    float sum = 1.0f / 5040.0f;
    sum = __fadd_rn(__fmul_rn(sum, r), 1.0f / 720.0f);
    sum = __fadd_rn(__fmul_rn(sum, r), 1.0f / 120.0f);
    sum = __fadd_rn(__fmul_rn(sum, r), 1.0f / 24.0f);
    sum = __fadd_rn(__fmul_rn(sum, r), 1.0f / 6.0f);
    sum = __fadd_rn(__fmul_rn(sum, r), 0.5f);
    sum = __fadd_rn(__fadd_rn(__fmul_rn(__fmul_rn(sum, r), r), r), 1.0f);
    const unsigned power = (__float_as_uint(shifted) - __float_as_uint(shifter) + 127u) << 23;
    return x >= -87.0f ? __fmul_rn(sum, __uint_as_float(power)) : 0.0f;
}

// Divides by one number many times, without a branch, to the nearest float as `/` does.
struct Divisor {
    float value, inverse;

    // By Markstein: with the inverse to the nearest, one correction makes the quotient so. Temperatures whose inverse is
    // no float any more get the largest one, which leaves nothing but the largest logit all the same.
    __device__ explicit Divisor(float value) : value(value), inverse(fminf(__frcp_rn(value), 3.4028235e38f)) {}

    __device__ __forceinline__ float quotient(float x) const {
        const float guess = __fmul_rn(x, inverse);
        return __fmaf_rn(__fmaf_rn(-guess, value, x), inverse, guess);
    }
};

// An infinite distance leaves a NaN, which the exponential takes for 0 too.
__device__ __forceinline__ float weigh(float logit, float largest, const Divisor &temperature) {
    const float distance = logit == largest ? 0.0f : __fsub_rn(logit, largest);
    return exponential(temperature.quotient(distance));
}

// The sum of `weight(read(i), i)` over a chunk, which eight neighbouring threads have; in each of them. Whole warps call.
template <class Read, class Weight>
__device__ __forceinline__ double chunkSum(int index, const Read &read, const Weight &weight) {
    constexpr int batch = 16;
    const int part = threadIdx.x % chunkLanes, start = index * chunk;
    const int count = min(chunk, vocabulary - start);
    float sum = 0;
    if (count == chunk) {
#pragma unroll
        for (int first = part; first < chunk; first += batch * chunkLanes) {
            // All loads of a batch are under way before the first is waited for.
            float values[batch];
#pragma unroll
            for (int i = 0; i < batch; i++) values[i] = read(start + first + i * chunkLanes);
#pragma unroll
            for (int i = 0; i < batch; i++) sum = __fadd_rn(sum, weight(values[i], start + first + i * chunkLanes));
        }
    } else {
        for (int i = start + part; i - part + chunkLanes <= start + count; i += chunkLanes) {
            sum = __fadd_rn(sum, weight(read(i), i));
        }
    }
    float lanes = __shfl_sync(allLanes, sum, 0, chunkLanes);
#pragma unroll
    for (int i = 1; i < chunkLanes; i++) lanes = __fadd_rn(lanes, __shfl_sync(allLanes, sum, i, chunkLanes));
    double total = lanes;
    if constexpr (vocabulary % chunkLanes != 0) {
        const int tail = count > 0 ? count % chunkLanes : 0;
        const int place = start + count - tail + part;
        const float last = part < tail ? weight(read(place), place) : 0.0f;
#pragma unroll
        for (int i = 0; i < chunkLanes - 1; i++) total += __shfl_sync(allLanes, last, i, chunkLanes);
    }
    return total;
}

// Exclusive sums over the lanes of a warp.
template <class Number>
__device__ __forceinline__ Number warpBefore(Number x) {
    Number sum = x;
#pragma unroll
    for (int distance = 1; distance < 32; distance *= 2) {
        const Number other = __shfl_up_sync(allLanes, sum, distance);
        if (lane() >= distance) sum += other;
    }
    const Number before = __shfl_up_sync(allLanes, sum, 1);
    return lane() == 0 ? Number(0) : before;
}

// Exclusive sums over the threads of a block of 1024; ends with the room free for other use.
template <class Number>
__device__ __forceinline__ Number blockBefore(Number x, Number *room) {
    const Number inWarp = warpBefore(x);
    if (lane() == 31) room[warp()] = inWarp + x;
    __syncthreads();
    const Number warps = warpBefore(room[lane()]);
    __syncthreads();
    return __shfl_sync(allLanes, warps, warp()) + inWarp;
}

// The number drawn for a token: uniform in [0, 1), by Philox4x32-10.
__device__ __forceinline__ double uniform(uint64_t seed, int64_t position) {
    unsigned x = static_cast<unsigned>(position), y = static_cast<unsigned>(position >> 32), z = 0, w = 0;
    unsigned key0 = static_cast<unsigned>(seed), key1 = static_cast<unsigned>(seed >> 32);
#pragma unroll
    for (int round = 0; round < 10; round++) {
        const unsigned high0 = __umulhi(x, 0xD2511F53u), low0 = x * 0xD2511F53u;
        const unsigned high1 = __umulhi(z, 0xCD9E8D57u), low1 = z * 0xCD9E8D57u;
        x = high1 ^ y ^ key0;
        y = low1;
        z = high0 ^ w ^ key1;
        w = low0;
        key0 += 0x9E3779B9u;
        key1 += 0xBB67AE85u;
    }
    const uint64_t bits = (static_cast<uint64_t>(y) << 32 | x) >> 11;
    return static_cast<double>(bits) * (1.0 / 9007199254740992.0);
}

// Where the share `u` of all weights falls: the first token whose running sum passes it. One warp calls.
template <class Weight>
__device__ __forceinline__ int locate(double u, const double *sums, const Weight &weight) {
    constexpr int each = (chunks + 31) / 32;
    double held[each], own = 0;
#pragma unroll
    for (int i = 0; i < each; i++) {
        const int index = lane() * each + i;
        held[i] = index < chunks ? sums[index] : 0;
    }
#pragma unroll
    for (int i = 0; i < each; i++) own += held[i];
    double passed = warpBefore(own);
    const double point = u * __shfl_sync(allLanes, passed + own, 31);
    // The chunk in which the point lies; failing that for rounding, the last with a weight above 0.
    int found = nothing, last = -1;
    double before = 0, lastBefore = 0;
#pragma unroll
    for (int i = 0; i < each; i++) {
        const double sum = passed + held[i];
        if (held[i] > 0) {
            last = lane() * each + i;
            lastBefore = passed;
            if (sum > point && found == nothing) {
                found = last;
                before = passed;
            }
        }
        passed = sum;
    }
    const unsigned finders = __ballot_sync(allLanes, found != nothing);
    const unsigned holders = __ballot_sync(allLanes, last >= 0);
    if (finders == 0) {
        found = last;
        before = lastBefore;
    }
    const int source = finders ? __ffs(finders) - 1 : 31 - __clz(holders);
    const int start = __shfl_sync(allLanes, found, source) * chunk;
    before = __shfl_sync(allLanes, before, source);

    constexpr int run = chunk / 32;
    float weights[run];
    own = 0;
#pragma unroll
    for (int i = 0; i < run; i++) {
        const int token = start + lane() * run + i;
        weights[i] = token < vocabulary ? weight(token) : 0.0f;
        own += weights[i];
    }
    passed = before + warpBefore(own);
    found = nothing;
    last = -1;
#pragma unroll
    for (int i = 0; i < run; i++) {
        passed += weights[i];
        if (weights[i] > 0) {
            last = start + lane() * run + i;
            if (passed > point && found == nothing) found = last;
        }
    }
    const unsigned tokenFinders = __ballot_sync(allLanes, found != nothing);
    const unsigned tokenHolders = __ballot_sync(allLanes, last >= 0);
    if (tokenFinders) return __shfl_sync(allLanes, found, __ffs(tokenFinders) - 1);
    return __shfl_sync(allLanes, last, 31 - __clz(tokenHolders));
}

// ---- Rows without edits or cuts

constexpr int partValues = partChunks * chunk / partThreads;

// A thread's logits of a part, `partThreads` apart; -infinity behind the row's end.
struct PartValues {
    float values[partValues];

    template <class Read>
    __device__ __forceinline__ void read(int start, const Read &logit) {
#pragma unroll
        for (int i = 0; i < partValues; i++) {
            const int token = start + i * partThreads;
            values[i] = -infinity();
            if (token < vocabulary) values[i] = logit(token);
        }
    }

    __device__ __forceinline__ Largest largest(int start) const {
        Largest result;
#pragma unroll
        for (int i = 0; i < partValues; i++) result.value = fmaxf(result.value, values[i]);
#pragma unroll
        for (int i = partValues - 1; i >= 0; i--) {
            if (values[i] == result.value) result.token = start + i * partThreads;
        }
        if (!(result.value > -infinity())) result.token = nothing;
        return result;
    }
};

extern "C" __global__ void __launch_bounds__(partThreads) punica_sample_largest(const __grid_constant__ SampleParams p) {
    __shared__ SampleLargest room[partThreads / 32];
    const int row = blockIdx.y, part = blockIdx.x;
    const bool isLive = row < *p.rowCount && !p.rows[row].isEdited;
    waitForPredecessor();
    releaseSuccessor();
    if (!isLive) return;
    const Logit *logits = static_cast<const Logit *>(p.logits) + static_cast<int64_t>(row) * p.pitch;
    const int start = part * partChunks * chunk + threadIdx.x;
    PartValues values;
    values.read(start, [&](int token) { return widen(logits[token]); });
    const Largest largest = blockLargest<partThreads>(values.largest(start), room);
    if (threadIdx.x == 0) p.largest[row * parts + part] = {largest.value, largest.token};
}

// Of all parts of a row, in each lane of a warp.
__device__ __forceinline__ Largest rowLargest(const SampleLargest *partLargest, int row) {
    Largest largest;
    if (lane() < parts) {
        const SampleLargest one = partLargest[row * parts + lane()];
        largest.see(one.value, one.token);
    }
    return warpLargest(largest);
}

extern "C" __global__ void __launch_bounds__(partThreads) punica_sample_weigh(const __grid_constant__ SampleParams p) {
    const int row = blockIdx.y;
    bool isLive = row < *p.rowCount && !p.rows[row].isEdited;
    const float temperature = isLive ? p.rows[row].temperature : 0.0f;
    isLive = isLive && temperature != 0;
    waitForPredecessor();
    releaseSuccessor();
    if (!isLive) return;
    const Logit *logits = static_cast<const Logit *>(p.logits) + static_cast<int64_t>(row) * p.pitch;
    const float largest = rowLargest(p.largest, row).value;
    const Divisor divisor(temperature);
    const int index = blockIdx.x * partChunks + threadIdx.x / chunkLanes;
    const double sum = chunkSum(
        index, [&](int token) { return widen(logits[token]); },
        [&](float logit, int) { return weigh(logit, largest, divisor); });
    if (threadIdx.x % chunkLanes == 0 && index < chunks) p.sums[static_cast<int64_t>(row) * chunks + index] = sum;
}

extern "C" __global__ void __launch_bounds__(32) punica_sample_choose(const __grid_constant__ SampleParams p) {
    const int row = blockIdx.x;
    const bool isLive = row < *p.rowCount && !p.rows[row].isEdited;
    float temperature = 0;
    double u = 0;
    if (isLive) {
        temperature = p.rows[row].temperature;
        u = uniform(p.rows[row].seed, p.rows[row].position);
    }
    waitForPredecessor();
    releaseSuccessor();
    if (!isLive) return;
    const Logit *logits = static_cast<const Logit *>(p.logits) + static_cast<int64_t>(row) * p.pitch;
    const Largest largest = rowLargest(p.largest, row);
    int token = largest.token == nothing ? -1 : largest.token;
    if (token >= 0 && temperature != 0) {
        const double *sums = p.sums + static_cast<int64_t>(row) * chunks;
        const Divisor divisor(temperature);
        token = locate(u, sums, [&](int id) { return weigh(widen(logits[id]), largest.value, divisor); });
    }
    if (threadIdx.x == 0) p.tokens[row] = token;
}

// ---- Cuts: the largest keys of a row without sorting, ten bits at a time

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

// ---- Rows with edits or cuts

// Applies to the tokens first ..< end bans and biases, each token's in their order, then penalties. By a block.
__device__ void edit(float *logits, int first, int end, const SampleRow &row, const SampleEditedParams &p) {
    for (int i = row.biasStart + threadIdx.x; i < row.biasEnd; i += partThreads) {
        const int token = p.biases[i].token;
        bool isFirst = token >= first && token < end;
        for (int j = row.biasStart; isFirst && j < i; j++) isFirst = p.biases[j].token != token;
        if (!isFirst) continue;
        float logit = logits[token];
        for (int j = i; j < row.biasEnd; j++) {
            if (p.biases[j].token == token) logit = __fadd_rn(logit, p.biases[j].bias);
        }
        logits[token] = logit;
    }
    __syncthreads();
    for (int i = row.seenStart + threadIdx.x; i < row.seenEnd; i += partThreads) {
        const SampleSeen seen = p.seen[i];
        if (seen.token < first || seen.token >= end) continue;
        float logit = logits[seen.token];
        logit = logit > 0 ? __fdiv_rn(logit, row.repetitionPenalty) : __fmul_rn(logit, row.repetitionPenalty);
        if (seen.outputCount > 0) {
            const float frequency = __fmul_rn(static_cast<float>(seen.outputCount), row.frequencyPenalty);
            logit = __fsub_rn(__fsub_rn(logit, frequency), row.presencePenalty);
        }
        logits[seen.token] = logit;
    }
    __syncthreads();
}

__device__ __forceinline__ bool isListed(const SampleEditedParams &p, int place) {
    return !p.listCount || place < *p.listCount;
}

__device__ __forceinline__ float *editedRow(const SampleEditedParams &p, int place) {
    return p.scratch + static_cast<int64_t>(place) * (chunks * chunk);
}

extern "C" __global__ void __launch_bounds__(partThreads)
    punica_sample_edit(const __grid_constant__ SampleEditedParams p) {
    __shared__ SampleLargest room[partThreads / 32];
    const int place = blockIdx.y, part = blockIdx.x;
    const bool isLive = isListed(p, place);
    waitForPredecessor();
    releaseSuccessor();
    if (!isLive) return;
    const int index = p.list[place];
    const SampleRow row = p.rows[index];
    const Logit *logits = static_cast<const Logit *>(p.logits) + static_cast<int64_t>(index) * p.pitch;
    float *edited = editedRow(p, place);
    const int first = part * partChunks * chunk, end = min(first + partChunks * chunk, vocabulary);
    const int start = first + threadIdx.x;
    PartValues values;
    values.read(start, [&](int token) { return widen(logits[token]); });
#pragma unroll
    for (int i = 0; i < partValues; i++) {
        const int token = start + i * partThreads;
        if (token < vocabulary) edited[token] = values.values[i];
    }
    if (row.biasStart < row.biasEnd || row.seenStart < row.seenEnd) {
        __syncthreads();
        edit(edited, first, end, row, p);
        values.read(start, [&](int token) { return edited[token]; });
    }
    const Largest largest = blockLargest<partThreads>(values.largest(start), room);
    if (threadIdx.x == 0) p.largest[index * parts + part] = {largest.value, largest.token};
}

extern "C" __global__ void __launch_bounds__(partThreads)
    punica_sample_weigh_edited(const __grid_constant__ SampleEditedParams p) {
    const int place = blockIdx.y;
    const bool isLive = isListed(p, place);
    waitForPredecessor();
    releaseSuccessor();
    if (!isLive) return;
    const int row = p.list[place];
    const float temperature = p.rows[row].temperature, minP = p.rows[row].minP;
    if (temperature == 0) return;
    float *values = editedRow(p, place);
    const float largest = rowLargest(p.largest, row).value;
    const Divisor divisor(temperature);
    const int index = blockIdx.x * partChunks + threadIdx.x / chunkLanes;
    const double sum = chunkSum(
        index, [&](int token) { return values[token]; },
        [&](float logit, int token) {
            const float weight = weigh(logit, largest, divisor);
            return values[token] = weight >= minP ? weight : 0.0f;
        });
    if (threadIdx.x % chunkLanes == 0 && index < chunks) p.sums[static_cast<int64_t>(row) * chunks + index] = sum;
}

// Sums of all chunks into `sums`, over a block of 1024; ends with a barrier.
template <class Read, class Weight>
__device__ __forceinline__ void sumChunks(double *sums, const Read &read, const Weight &weight) {
    for (int first = 0; first < chunks; first += rowThreads / chunkLanes) {
        const int index = first + threadIdx.x / chunkLanes;
        const double sum = chunkSum(index, read, weight);
        if (threadIdx.x % chunkLanes == 0 && index < chunks) sums[index] = sum;
    }
    __syncthreads();
}

// Of a row's sums, in each lane of each warp.
__device__ double total(const double *sums) {
    constexpr int each = (chunks + 31) / 32;
    double own = 0;
    for (int i = 0; i < each; i++) {
        const int index = lane() * each + i;
        if (index < chunks) own += sums[index];
    }
    return __shfl_sync(allLanes, warpBefore(own) + own, 31);
}

extern "C" __global__ void __launch_bounds__(rowThreads, 1)
    punica_sample_cut(const __grid_constant__ SampleEditedParams p) {
    __shared__ CutFinder finder;
    const bool isLive = isListed(p, blockIdx.x);
    waitForPredecessor();
    releaseSuccessor();
    if (!isLive) return;
    const int index = p.list[blockIdx.x];
    const SampleRow row = p.rows[index];
    const Largest largest = rowLargest(p.largest, index);
    if (largest.token == nothing || row.temperature == 0) {
        if (threadIdx.x == 0) p.tokens[index] = largest.token == nothing ? -1 : largest.token;
        return;
    }
    const float *weights = editedRow(p, blockIdx.x);
    double *sums = p.sums + static_cast<int64_t>(index) * chunks;
    const auto read = [&](int token) { return weights[token]; };
    Cut cut;
    int lastEqual = vocabulary;
    const auto keep = [&](float weight, int token) {
        return weight > cut.weight || (weight == cut.weight && token <= lastEqual) ? weight : 0.0f;
    };
    const bool cutsMass = row.topP < 1, cutsCount = row.topK > 0 && row.topK < vocabulary;
    if (cutsMass || cutsCount) {
        finder.tally(weights, cutsMass);
        if (cutsCount) cut = finder.find<false>(weights, row.topK, 0);
        if (cutsMass) {
            const double mass = cutsCount ? cut.mass() : total(sums);
            cut = finder.find<true>(weights, 0, static_cast<double>(row.topP) * mass);
        }
        if (cut.kept < cut.equals) {
            lastEqual = tokenOfRank(cut.kept, finder.room, [&](int token) { return weights[token] == cut.weight; });
        }
        __syncthreads();
        sumChunks(sums, read, keep);
    }
    if (warp() != 0) return;
    const int token =
        locate(uniform(row.seed, row.position), sums, [&](int id) { return keep(weights[id], id); });
    if (threadIdx.x == 0) p.tokens[index] = token;
}

// ---- Reports

constexpr int mostReported = 20;

// Orders as the logits do; 0 for what cannot be chosen.
__device__ __forceinline__ unsigned order(float logit) {
    if (!(logit > -infinity())) return 0;
    const unsigned bits = __float_as_uint(logit == 0 ? 0.0f : logit);
    return bits & 0x80000000u ? ~bits : bits | 0x80000000u;
}

// Candidates among which the largest are told apart by comparing each with all.
constexpr int mostCandidates = 256;

extern "C" __global__ void __launch_bounds__(rowThreads, 1)
    punica_sample_report(const __grid_constant__ SampleReportParams p) {
    __shared__ Tally tally;
    __shared__ CutRoom cutRoom;
    __shared__ double sums[chunks];
    __shared__ SampleLargest room[32];
    __shared__ SampleLargest found[mostCandidates];
    __shared__ int foundCount, possibleCount;
    const bool isLive = !p.listCount || static_cast<int>(blockIdx.x) < *p.listCount;
    waitForPredecessor();
    releaseSuccessor();
    if (!isLive) return;
    const int index = p.list[blockIdx.x];
    const Logit *logits = static_cast<const Logit *>(p.logits) + static_cast<int64_t>(index) * p.pitch;
    const auto read = [&](int id) { return widen(logits[id]); };
    SampleReport &report = p.reports[blockIdx.x];
    const int token = p.tokens[index];
    const int wanted = min(min(p.rows[index].topCount, mostReported), vocabulary);

    Largest largest;
    forRow(read, [&](float logit, int id) { largest.see(logit, id); });
    largest = blockLargest<rowThreads>(largest, room);
    if (token < 0 || largest.token == nothing) {
        if (threadIdx.x == 0) {
            report.logprob = __uint_as_float(0x7fc00000u);
            report.topCount = 0;
        }
        return;
    }
    const Divisor one(1.0f);
    sumChunks(sums, read, [&](float logit, int) { return weigh(logit, largest.value, one); });
    const double logSum = log(total(sums));
    const auto logprob = [&](float logit) {
        const double distance =
            logit == largest.value ? 0.0 : static_cast<double>(logit) - static_cast<double>(largest.value);
        return static_cast<float>(distance - logSum);
    };
    if (threadIdx.x == 0) {
        report.logprob = logprob(widen(logits[token]));
        report.topCount = 0;
        foundCount = 0;
        possibleCount = 0;
    }
    if (wanted <= 0) return;

    // The leading bits of the `wanted`-th largest logit's key, until few have the same or larger ones.
    uint64_t prefix = 0;
    int shift = 32, kept = 0, equals = 0, countAbove = 0;
    do {
        // The last of the four passes has two bits left.
        const int bits = min(shift, 10);
        tally.clear();
        forRow(read, [&](float logit, int) {
            const uint64_t key = order(logit);
            if (key != 0 && key >> shift == prefix) atomicAdd(&tally.counts[key >> (shift - bits) & ((1 << bits) - 1)], 1u);
        });
        __syncthreads();
        const Descent descent = descend(
            tally.counts[classes - 1 - threadIdx.x], 0, countAbove, 0, cutRoom,
            [&](int count, double) { return count >= wanted; });
        countAbove = descent.countAbove;
        equals = descent.count;
        kept = min(wanted - countAbove, equals);
        shift -= bits;
        prefix = prefix << bits | descent.index;
    } while (shift > 0 && countAbove + equals > mostCandidates);
    // Many equals: only the first of them can be wanted.
    int lastEqual = vocabulary;
    if (countAbove + equals > mostCandidates) {
        lastEqual = tokenOfRank(kept, cutRoom, [&](int id) { return order(read(id)) == prefix; });
    }
    forRow(read, [&](float logit, int id) {
        const uint64_t key = order(logit) >> shift;
        if (key > prefix || (key == prefix && id <= lastEqual && order(logit) != 0)) {
            found[atomicAdd(&foundCount, 1)] = {logit, id};
        }
    });
    __syncthreads();
    if (static_cast<int>(threadIdx.x) < foundCount) {
        const SampleLargest own = found[threadIdx.x];
        int place = 0;
        for (int i = 0; i < foundCount; i++) {
            const SampleLargest other = found[i];
            place += other.value > own.value || (other.value == own.value && other.token < own.token);
        }
        if (place < wanted) {
            const float value = logprob(own.value);
            report.topTokens[place] = own.token;
            report.topLogprobs[place] = value;
            // The impossible, if an infinite logit makes all others so, come last.
            if (value > -infinity()) atomicAdd(&possibleCount, 1);
        }
    }
    __syncthreads();
    if (threadIdx.x == 0) report.topCount = possibleCount;
}
