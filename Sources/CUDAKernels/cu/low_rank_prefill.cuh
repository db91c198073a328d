// What the two launches for long segments share: the tile, and the plan as a block finds it.
#pragma once

#include "low_rank_outputs.cuh"
#include "low_rank_plan.cuh"

namespace low_rank::prefill {

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
  const LowRankPair *pairs;
  const LowRankShare *shares;

  __device__ explicit Plan(const void *plan) : Plan(PlanParts(plan, gridDim.x, false)) {}
  __device__ Plan(const PlanParts &parts) : pairs(parts.pairs), shares(parts.shares) {}

  __device__ LowRankShare share() const { return shares[blockIdx.x]; }
};

}  // namespace low_rank::prefill
