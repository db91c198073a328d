// Chooses tokens for rows with bans, biases, penalties, min-p, top-k or top-p; see sampling.cu.

#include "sampling_cut.cuh"

__device__ __forceinline__ void penalize(float *logits, SampleSeen seen, const SampleRow &row) {
    float logit = logits[seen.token];
    logit = logit > 0 ? __fdiv_rn(logit, row.repetitionPenalty) : __fmul_rn(logit, row.repetitionPenalty);
    if (seen.outputCount > 0) {
        const float frequency = __fmul_rn(static_cast<float>(seen.outputCount), row.frequencyPenalty);
        logit = __fsub_rn(__fsub_rn(logit, frequency), row.presencePenalty);
    }
    logits[seen.token] = logit;
}

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
    // The host did not know the newest token, and so not whether it is among the others.
    __shared__ bool isAmongOthers;
    if (threadIdx.x == 0) isAmongOthers = false;
    __syncthreads();
    const int othersEnd = row.seenEnd - row.endsAwaited;
    const int newest = row.endsAwaited ? p.seen[othersEnd].token : nothing;
    const auto isOurs = [&](int token) { return token >= first && token < end; };
    for (int i = row.seenStart + threadIdx.x; i < othersEnd; i += partThreads) {
        SampleSeen seen = p.seen[i];
        if (!isOurs(seen.token)) continue;
        if (row.endsAwaited && seen.token == newest) {
            seen.outputCount++;
            isAmongOthers = true;
        }
        penalize(logits, seen, row);
    }
    __syncthreads();
    if (threadIdx.x == 0 && row.endsAwaited && isOurs(newest) && !isAmongOthers) penalize(logits, {newest, 1}, row);
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
        if (threadIdx.x == 0) tell(p, index, largest.token == nothing ? -1 : largest.token);
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
    if (threadIdx.x == 0) tell(p, index, token);
}
