// Row-wise operations: embedding, residual sum with RMS norm, SiLU gate, bias, updates. Activations are 16-bit
// row-major, the residual stream x is float.
//
//     punica_embed            x[t] = table[token[t]]
//     punica_embed_low_rank   x[t] = columnScale * (x[t] + scale * B·A[:, token[t]])
//     punica_add_normalize    x = x + delta; y = x / sqrt(mean(x²) + epsilon) * weight
//     punica_gate             y = silu(gate) * up
//     punica_add_bias         y = y + bias
//     punica_add_updates      y = y + updates
//
// delta and gate, up are taken with the updates that lie apart from them.
// Arithmetic is in float32, rounded at each store of activations. A row's bits depend on that row alone.
//
// Constants: PUNICA_BF16, PUNICA_HIDDEN (E, a multiple of 8, at most 16384), PUNICA_FEED_FORWARD (F).
//
// Launches, for a bucket of T rows; blocks from the live count on leave at once, but for those of embed, which write zeros:
//     punica_embed            grid (T), block as punica_add_normalize
//     punica_embed_low_rank   grid (T, ceil(E / 256)), block 256
//     punica_add_normalize    grid (T), block min(1024, E / 8 rounded up to 32)
//     punica_gate             grid (ceil(F / 8 / 128), T), block 128; a pack is the most of 8, 4, 2, 1 that divides F
//     punica_add_bias         grid (ceil(columns / 256), T), block 256
//     punica_add_updates      grid (ceil(columns / 8 / 256), T), block 256
#include "row_updates.cuh"
#include "RowParams.h"

#ifndef PUNICA_HIDDEN
#define PUNICA_HIDDEN 4096
#endif
#ifndef PUNICA_FEED_FORWARD
#define PUNICA_FEED_FORWARD 11008
#endif
#ifndef PUNICA_GATE_PACKS
#define PUNICA_GATE_PACKS 1
#endif

using namespace punica;

constexpr int hidden = PUNICA_HIDDEN;
constexpr int feedForward = PUNICA_FEED_FORWARD;
static_assert(hidden % 8 == 0 && hidden <= 16384, "rows are read 16 bytes at a time");

constexpr int hiddenPacks = hidden / 8;
#ifdef PUNICA_ROW_THREADS
constexpr int rowThreads = PUNICA_ROW_THREADS;
#else
constexpr int rowThreads = hiddenPacks >= 1024 ? 1024 : (hiddenPacks + 31) / 32 * 32;
#endif
constexpr int packsPerThread = (hiddenPacks + rowThreads - 1) / rowThreads;

extern "C" __global__ void __launch_bounds__(rowThreads) punica_embed(const __grid_constant__ EmbedParams p) {
    const int t = blockIdx.x;
    // Tokens may be those that the kernel before chose.
    waitForPredecessor();
    releaseSuccessor();
    // Padding rows begin at zero: what products add to them would else grow from step to step.
    const int token = t < *p.rowCount ? p.tokens[t] - p.firstToken : -1;
    const bool isHere = token >= 0 && token < p.tableRows;
    const element *source = static_cast<const element *>(p.table) + static_cast<int64_t>(isHere ? token : 0) * hidden;
    float *target = p.x + static_cast<int64_t>(t) * hidden;
#pragma unroll
    for (int i = 0; i < packsPerThread; i++) {
        const int place = i * rowThreads + threadIdx.x;
        if (place >= hiddenPacks) continue;
        float values[8] = {};
        if (isHere) load(values, source + place * 8);
        storeFloats(target + place * 8, values);
    }
}

// The last of `count` ascending starts that is not above `row`, or -1.
__device__ __forceinline__ int lastStart(const int32_t *starts, int count, int row) {
    int low = 0, high = count;
    while (low < high) {
        const int middle = (low + high) / 2;
        if (starts[middle] <= row) low = middle + 1;
        else high = middle;
    }
    return low - 1;
}

extern "C" __global__ void __launch_bounds__(256) punica_embed_low_rank(const __grid_constant__ EmbedLowRankParams p) {
    constexpr int largestRank = 512;
    __shared__ float coefficients[largestRank];
    const int t = blockIdx.x;
    waitForPredecessor();
    releaseSuccessor();
    if (t >= *p.rowCount) return;
    const int segment = lastStart(p.segmentStart, *p.segmentCount, t);
    if (segment < 0 || t >= p.segmentEnd[segment]) return;
    const LowRankEntry entry = p.table[static_cast<int64_t>(p.segmentSlot[segment]) * p.entriesPerAdapter + p.entry];
    const int rank = entry.rank, token = p.tokens[t];
    if (rank == 0 || token < 0 || token >= p.vocabularySize) return;
    const element *a = static_cast<const element *>(entry.a);
    for (int r = threadIdx.x; r < rank; r += blockDim.x)
        coefficients[r] = toFloat(a[static_cast<int64_t>(r) * p.vocabularySize + token]);
    __syncthreads();
    const int column = blockIdx.y * blockDim.x + threadIdx.x;
    if (column >= hidden) return;
    const element *b = static_cast<const element *>(entry.b) + static_cast<int64_t>(column) * rank;
    float sum = 0;
    if (rank % 8 == 0) {
        for (int r = 0; r < rank; r += 8) {
            float values[8];
            load(values, b + r);
#pragma unroll
            for (int i = 0; i < 8; i++) sum += values[i] * coefficients[r + i];
        }
    } else {
        for (int r = 0; r < rank; r++) sum += toFloat(b[r]) * coefficients[r];
    }
    float *x = p.x + static_cast<int64_t>(t) * hidden + column;
    const float scale = entry.columnScale ? entry.columnScale[column] : 1.0f;
    *x = scale * (*x + entry.scale * sum);
}

extern "C" __global__ void __launch_bounds__(rowThreads)
    punica_add_normalize(const __grid_constant__ AddNormalizeParams p) {
    __shared__ float room[32];
    const int t = blockIdx.x;
    if (t >= *p.rowCount) {
        waitForPredecessor();
        return;
    }
    const int row = p.rows ? p.rows[t] : t;
    const int64_t source = static_cast<int64_t>(row) * hidden;
    const element *updates = updatesOfRow(p.updates, row, source);
    // Weights and row numbers do not come from the kernel before, so they are read while it still runs.
    float weights[packsPerThread][8], values[packsPerThread][8];
#pragma unroll
    for (int i = 0; i < packsPerThread; i++) {
        const int place = i * rowThreads + threadIdx.x;
        if (place < hiddenPacks) loadFloats(weights[i], p.weight + place * 8);
    }
    releaseAndWait();
    float *x = p.x + source;
    float squares = 0;
#pragma unroll
    for (int i = 0; i < packsPerThread; i++) {
        const int place = i * rowThreads + threadIdx.x;
        if (place >= hiddenPacks) continue;
        loadFloats(values[i], x + place * 8);
        if (p.delta) {
            float changes[8];
            load(changes, static_cast<const element *>(p.delta) + source + place * 8);
            addUpdates(changes, updates, place * 8);
#pragma unroll
            for (int j = 0; j < 8; j++) values[i][j] += changes[j];
            if (!p.rows) storeFloats(x + place * 8, values[i]);
        }
#pragma unroll
        for (int j = 0; j < 8; j++) squares += values[i][j] * values[i][j];
    }
    const float factor = 1.0f / sqrtf(blockSum<rowThreads>(squares, room) / hidden + p.epsilon);
#pragma unroll
    for (int i = 0; i < packsPerThread; i++) {
        const int place = i * rowThreads + threadIdx.x;
        if (place >= hiddenPacks) continue;
#pragma unroll
        for (int j = 0; j < 8; j++) values[i][j] *= factor * weights[i][j];
        store(static_cast<element *>(p.y) + static_cast<int64_t>(t) * p.pitch + place * 8, values[i]);
    }
}

constexpr int gateThreads = 128;

extern "C" __global__ void __launch_bounds__(gateThreads) punica_gate(const __grid_constant__ GateParams p) {
    constexpr int size = packFor(feedForward), packs = feedForward / size;
    const int t = blockIdx.y;
    const int first = blockIdx.x * (gateThreads * PUNICA_GATE_PACKS) + threadIdx.x;
    const int64_t start = static_cast<int64_t>(t) * (2 * feedForward);
    const element *updates = t < *p.rowCount ? updatesOfRow(p.updates, t, start) : nullptr;
    releaseAndWait();
    if (t >= *p.rowCount) return;
    const element *gate = static_cast<const element *>(p.x) + start;
    element *y = static_cast<element *>(p.y) + static_cast<int64_t>(t) * p.pitch;
    float gates[PUNICA_GATE_PACKS][size], ups[PUNICA_GATE_PACKS][size];
#pragma unroll
    for (int i = 0; i < PUNICA_GATE_PACKS; i++) {
        const int place = first + i * gateThreads;
        if (place >= packs) break;
        load(gates[i], gate + place * size);
        load(ups[i], gate + feedForward + place * size);
        addUpdates(gates[i], updates, place * size);
        addUpdates(ups[i], updates, feedForward + place * size);
    }
#pragma unroll
    for (int i = 0; i < PUNICA_GATE_PACKS; i++) {
        const int place = first + i * gateThreads;
        if (place >= packs) break;
#pragma unroll
        for (int j = 0; j < size; j++) {
            gates[i][j] = gates[i][j] / (1.0f + __expf(-gates[i][j])) * ups[i][j];
        }
        store(y + place * size, gates[i]);
    }
}

extern "C" __global__ void __launch_bounds__(256) punica_add_bias(const __grid_constant__ AddBiasParams p) {
    const int column = blockIdx.x * blockDim.x + threadIdx.x;
    const float bias = column < p.columns ? p.bias[column] : 0.0f;
    releaseAndWait();
    if (static_cast<int>(blockIdx.y) >= *p.rowCount || column >= p.columns) return;
    element *y = static_cast<element *>(p.y) + static_cast<int64_t>(blockIdx.y) * p.pitch + column;
    *y = toElement(toFloat(*y) + bias);
}

extern "C" __global__ void __launch_bounds__(256) punica_add_updates(const __grid_constant__ AddUpdatesParams p) {
    const int t = blockIdx.y, column = (blockIdx.x * blockDim.x + threadIdx.x) * 8;
    const int64_t start = static_cast<int64_t>(t) * p.columns;
    const element *updates = t < *p.rowCount ? updatesOfRow(p.updates, t, start) : nullptr;
    releaseAndWait();
    if (!updates || column >= p.columns) return;
    element *y = static_cast<element *>(p.y) + start + column;
    float values[8];
    load(values, y);
    addUpdates(values, updates, column);
    store(y, values);
}
