// A plan's parts: see low_rank_plan.cu.
#pragma once

#include "low_rank.cuh"

namespace low_rank {

// Pairs that a block of the decode kernel finds beside its share: so many from its first shrink unit's on, and from its
// first expand unit's.
constexpr int kNear = LOW_RANK_NEAR;

// Where the parts of a plan begin. `near` is the decode kernel's.
struct PlanParts {
  LowRankShare *shares;
  LowRankPair *near, *pairs;

  __device__ __forceinline__ PlanParts(const void *plan, int blocks, bool decodes)
      : shares(reinterpret_cast<LowRankShare *>(static_cast<char *>(const_cast<void *>(plan)) + 64)),
        near(reinterpret_cast<LowRankPair *>(shares + (blocks + 1) / 2 * 2)),
        pairs(near + (decodes ? blocks * 2 * kNear : 0)) {}
};

}  // namespace low_rank
