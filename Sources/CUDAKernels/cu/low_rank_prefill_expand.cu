// The second of two launches for long segments, where the launch for short ones does not take their expand along: there are
// none, or it has no room. low_rank_prefill_expand.cuh alone.
//
// Launch: grid = the plan's `blocks`, 256 threads, shared memory as there.
#include "low_rank_prefill_expand.cuh"

using namespace low_rank;

extern "C" __global__ void __launch_bounds__(prefill::kThreads, 2) punica_low_rank_expand(
    const __grid_constant__ LowRankUpdateParams p) {
  extern __shared__ __align__(1024) char memory[];
  releaseSuccessor();
  prefill::expand(p, prefill::Plan(p.plan), p.scratch, memory);
}
