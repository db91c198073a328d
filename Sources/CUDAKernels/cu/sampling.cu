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
// and for rows with bans, biases, penalties, min-p, top-k or top-p, in sampling_edited.cu:
//     punica_sample_edit           the edited logits in float32, and the largest of each part
//     punica_sample_weigh_edited   their weights, in place, and the sum of each chunk
//     punica_sample_cut            which weights are kept, and where the draw falls among them
// and for rows that want to know, in sampling_report.cu:
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

#include "sampling_weights.cuh"

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
    if (threadIdx.x == 0) tell(p, row, token);
}
