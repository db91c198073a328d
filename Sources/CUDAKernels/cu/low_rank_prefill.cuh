// What the two launches for long segments share: the tile, and the plan as a block finds it.
#pragma once

#include "low_rank_outputs.cuh"

namespace low_rank {

constexpr int kWarps = 8;
constexpr int kThreads = kWarps * 32;
constexpr int kGroups = 4;
constexpr int kTileRows = kGroups * kRows;
// Inputs of a unit of the shrink: of each warp four steps.
constexpr int kSteps = 4;
constexpr int kWarpInputs = kSteps * kStep;
constexpr int kChunk = kWarps * kWarpInputs;
static_assert(kTileRows == kTileWidth, "a unit is as many tiles of outputs as of rows");

struct Plan {
  const char *start;
  const LowRankPair *pairs;

  __device__ Plan(const LowRankUpdateParams &p)
      : start(static_cast<const char *>(p.plan) + 64),
        pairs(reinterpret_cast<const LowRankPair *>(start + (gridDim.x + 1) / 2 * 64)) {}

  __device__ LowRankShare share() const { return reinterpret_cast<const LowRankShare *>(start)[blockIdx.x]; }
};

}  // namespace low_rank
