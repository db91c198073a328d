// Attention of single query rows over the paged cache, with the rotation and the append before it: decode steps, and
// sequences of one row in other steps, beside the tiles of the others.
//
//     punica_append_attend   cache ← rope(k[t]), v[t], which are q, k and v with the updates that lie apart from them
//                            o[t, h] = softmax(rope(q[t, h]) · Kᵀ / sqrt(D)) · V over positions 0 ... positions[t]
//
// A block has one row, one key/value head with up to 8 of its query heads, and one split of the positions; a group of
// D / 8 neighbouring lanes reads a position's key and value, 16 bytes a lane, several positions ahead. A block rotates
// its queries itself, and the key of the row's own position if that lies in its split, so that nobody reads what this
// launch appends. Rotated numbers are rounded to 16 bits as `punica_rotate_append` rounds them.
//
// Scores, weights and sums are float32. Groups are joined in a fixed order, and splits too: by whichever of a row's
// blocks is the last to arrive.
//
// Constants: PUNICA_BF16, PUNICA_HEADS (H), PUNICA_KV_HEADS (G), PUNICA_HEAD_SIZE (D, a multiple of 8, at most 256),
// PUNICA_BLOCK_SIZE (P).
//
// Launch, for T rows of the step, one place each: grid (splits, G · query parts, T), block 128. Splits are at most 16,
// and a query part is at most 8 of a group's heads. Blocks beyond the live count leave at once, and so do splits without positions.
#include "attention_joins.cuh"
#include "attention_rows.cuh"
#include "attention_states.cuh"

using namespace punica;

// Blocks of a multiprocessor, by the registers that they need.
constexpr int residentBlocks = partHeads == 1 ? 8 : partHeads == 2 ? 5 : partHeads <= 4 ? 4 : 2;

extern "C" __global__ void __launch_bounds__(threads, residentBlocks)
    punica_append_attend(const __grid_constant__ RowAttentionParams p) {
    __shared__ Rows rows;
    __shared__ Left left;
    __shared__ Factors factors;
    releaseSuccessor();
    if (!p.followsRows) seeWhatIsThere();
    const Share share(p);
    const int firstPage = p.rowPages[share.row], kvPosition = p.kvPositions[share.row];
    if (share.row >= *p.rowCount || share.isEmpty()) return waitForPredecessor();
    const HeadCache cache(p, share.kvHead);
    const int *pages = p.pageIndices + firstPage;
    // Earlier steps left all positions but the row's own, so the first of them come while the kernel before still runs.
    Positions held = {};
    fetchOld(held, share, cache, pages, share.from);
    const Angles angles = loadAngles(p, share.position);
    const element *updates = updatesOfRow(p.updates, share.row, static_cast<int64_t>(share.row) * p.pitch);
    if (p.followsRows) waitForPredecessor();

    makeRows(rows, p, share, cache, angles, kvPosition, updates);
    __syncthreads();
    float queries[partHeads][8];
#pragma unroll
    for (int h = 0; h < partHeads; h++) {
        uint4 raw = {};
        if (isUsed() && h < share.liveHeads()) raw = *reinterpret_cast<const uint4 *>(rows.of[h] + laneColumn());
        unpack(queries[h], raw);
    }
    State<8> states[partHeads];
    for (int base = share.from; base < share.to; base += atOnce) {
        if (base > share.from) {
            held = {};
            fetchOld(held, share, cache, pages, base);
        }
        fetchOwn(held, share, rows, base);
        attend(states, queries, held, share, base, p.scale);
    }
    leave(left, states);
    __syncthreads();
    if (!p.followsRows) waitForPredecessor();

    const int64_t firstPlace = static_cast<int64_t>(blockIdx.z) * heads + share.firstHead();
    const int pitch = p.splits * partialSize, items = share.liveHeads() * itemsOfHead;
    element *output = static_cast<element *>(p.output) + static_cast<int64_t>(share.row) * p.outputPitch
        + share.firstHead() * headSize;
    float *partials = p.partials + firstPlace * pitch;
    for (int item = threadIdx.x; item < items; item += threads) {
        const int h = item / itemsOfHead, column = item % itemsOfHead * columns;
        State<columns> all = joinGroups(left, h, column);
        if (share.splits == 1) {
#pragma unroll
            for (int i = 0; i < columns; i++) all.output[i] /= all.weight.sum;
            store(output + h * headSize + column, all.output);
        } else {
            storePartial(partials + h * pitch + share.split * partialSize, column, all);
        }
    }
    if (share.splits == 1) return;
    if (!arrivesLast(p.arrivals + blockIdx.z * gridDim.y + blockIdx.y, share.splits)) return;
    joinSplits(output, partials, pitch, share, factors);
}
