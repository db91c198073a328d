// Puts B of the segments whose updates are columns of their products beside W: y = [x | v]·[W | B]ᵀ. Columns of other
// members are zero and stay so.
//
// Once a step, before the products. A thread has 8 ranks of an output.
// Launch: grid (ceil(outputs / 128) for the group with the most, layers * groups), 256 threads. For bfloat16.
#include "low_rank_columns.cuh"

using namespace low_rank;

constexpr int kPieces = kRanks / 8;

// The largest number in place of none and of those that were too large for 16 bits: their product with another row's zero
// would be no number.
__device__ __forceinline__ u32 finite(u32 two) {
  u32 result = 0;
#pragma unroll
  for (int shift = 0; shift < 32; shift += 16) {
    const u32 bits = two >> shift & 0xFFFF;
    result |= ((bits & 0x7F80) == 0x7F80 ? (bits & 0x8000) | 0x7F7F : bits) << shift;
  }
  return result;
}

// Ranks `first` ..< `first + 8` of an output, zeros beyond the last.
__device__ __forceinline__ Quad load(const LowRankEntry &entry, int output, int first) {
  const u16 *source = static_cast<const u16 *>(entry.b) + static_cast<long long>(output) * entry.rank + first;
  if (entry.rank % 8 != 0) return loadScalars(source, minimum(entry.rank - first, 8));
  return loadWhole(source, first < entry.rank);
}

extern "C" __global__ void __launch_bounds__(256) punica_low_rank_columns(
    const __grid_constant__ LowRankColumnParams p) {
  const int layer = blockIdx.y / p.groupCount;
  const LowRankGroup &group = p.groups[blockIdx.y % p.groupCount];
  const int output = (blockIdx.x * blockDim.x + threadIdx.x) / kPieces, piece = threadIdx.x % kPieces;
  const int last = group.memberCount - 1;
  if (output >= group.columns[last] + group.outputs[last]) return;
  int member = last;
  while (output < group.columns[member]) --member;
  const long long pitch = group.inputs + 2 * kRanks * LOW_RANK_COLUMN_BLOCKS * group.memberCount;
  u16 *row = reinterpret_cast<u16 *>(p.weights[blockIdx.y]) + output * pitch;
  const LowRankEntry *entries = p.table + group.firstEntry + layer * p.entriesPerLayer + member;
  for (int i = 0; i < p.columns.count; ++i) {
    const LowRankColumnBlock &block = p.columns.blocks[i];
    const LowRankEntry entry = entries[static_cast<long long>(block.slot) * p.entriesPerAdapter];
    const Quad b = load(entry, output - group.columns[member], block.firstRank + piece * 8);
    const Quad held = {finite(b.x), finite(b.y), finite(b.z), finite(b.w)};
    u16 *place = row + columnPlace(group, i, member) + piece * 8;
    storeGlobal(place, held);
    storeGlobal(place + kRanks, held);
  }
}
