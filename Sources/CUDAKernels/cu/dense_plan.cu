// Looks up, once a step, what each product of few rows has to update: its rows' adapters, and how A·x is cut into units
// of 8 rows of a segment x 16 ranks x DENSE_CHUNK inputs.
//
// Products read their plan before they wait for the launch before them: one that waits first and releases then must lie
// between. Launch: one block for each layer and group and one for the head, 128 threads.
#include "DenseStreamParams.h"
#include "low_rank.cuh"

using namespace low_rank;

constexpr int kPlanRows = DENSE_ROWS, kPlanMembers = DENSE_MEMBERS, kPlanThreads = kPlanRows * kPlanMembers;

extern "C" __global__ void __launch_bounds__(kPlanThreads) punica_dense_plan(
    const __grid_constant__ DensePlanParams p) {
  __shared__ int slots[kPlanRows + 1];
  __shared__ int warpUnits[kPlanThreads / 32];
  const int layer = blockIdx.x / 4, which = layer < p.layers ? blockIdx.x % 4 : 4;
  const int row = threadIdx.x / kPlanMembers, member = threadIdx.x % kPlanMembers;
  const LowRankGroup &group = p.groups[which];
  DenseUpdatePlan &plan = p.plans[blockIdx.x];
  awaitPredecessor();

  const bool isHead = which == 4;
  const int slot = row < (isHead ? p.wanted : p.rows) ? (isHead ? p.wantedSlots : p.rowSlots)[row] : -1;
  LowRankEntry entry = {};
  if (slot >= 0 && member < group.memberCount) {
    const int first = group.firstEntry + (isHead ? 0 : layer * p.entriesPerLayer);
    entry = p.table[static_cast<long long>(slot) * p.entriesPerAdapter + first + member];
  }
  plan.entries[threadIdx.x] = entry;
  if (member == 0) slots[row] = plan.slots[row] = slot;
  if (threadIdx.x == 0) {
    slots[kPlanRows] = -2;
    plan.starts[0] = 0;
    plan.tag = *p.round * gridDim.x + blockIdx.x;
  }
  __syncthreads();

  int end = 0;
  if (entry.rank > 0 && (row == 0 || slots[row - 1] != slot)) {
    int rows = 1;
    while (slots[row + rows] == slot) ++rows;
    end = ceilDiv(rows, kRows) * ceilDiv(entry.rank, kRanks) * ceilDiv(group.inputs, DENSE_CHUNK);
  }
  for (int distance = 1; distance < 32; distance *= 2) {
    const int other = __shfl_up_sync(~0u, end, distance);
    if (static_cast<int>(threadIdx.x) % 32 >= distance) end += other;
  }
  if (threadIdx.x % 32 == 31) warpUnits[threadIdx.x / 32] = end;
  __syncthreads();
  for (int warp = 0; warp < static_cast<int>(threadIdx.x) / 32; ++warp) end += warpUnits[warp];
  plan.starts[threadIdx.x + 1] = end;
  releaseSuccessor();
}
