// Reports logarithms of probabilities in the raw logits; see sampling.cu.

#include "sampling_cut.cuh"

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
