// Dense products of up to 64 rows, with weights streamed at the memory's rate and multiplied by the tensor cores'
// asynchronous instructions (sm_90a).
//
// A cluster of blocks shares some outputs, and each of its blocks takes a part of the inputs, so that x is read once
// for many outputs. In a block one warpgroup feeds a queue of stages, 64 inputs of x and of the cluster's weights, and
// two multiply, each for half of the outputs. In the end each block adds up all blocks' sums for its share of the
// outputs, in the blocks' order.
//
// A launch asks for its first weights before its predecessor has ended.

#include "DenseWideParams.h"
#include "warpgroup.cuh"

#ifndef DENSE_WIDE_COLUMNS
#define DENSE_WIDE_COLUMNS 96
#endif
#ifndef DENSE_WIDE_CLUSTER
#define DENSE_WIDE_CLUSTER 2
#endif
#ifndef DENSE_WIDE_DEPTH
#define DENSE_WIDE_DEPTH 4
#endif

namespace wide {

using namespace warpgroup;

// Outputs of a warpgroup and of a cluster.
constexpr int kColumns = DENSE_WIDE_COLUMNS;
constexpr int kOutputs = 2 * kColumns;
constexpr int kCluster = DENSE_WIDE_CLUSTER;
constexpr int kDepth = DENSE_WIDE_DEPTH;
constexpr int kMultiplyingWarps = 2 * kThreads / 32;
constexpr int kStageInputs = kRowBytes / 2;
constexpr int kInputsBytes = kProductRows * kRowBytes;
constexpr int kStageBytes = kInputsBytes + kOutputs * kRowBytes;
// Rows that the feeding warpgroup copies at once, a piece of 16 bytes a thread.
constexpr int kPieces = kRowBytes / 16;
constexpr int kCopiedRows = kThreads / kPieces;
// Floats from a row of sums to the next, so that a warp's rows lie in different banks.
constexpr int kPitch = kOutputs + (40 - kOutputs % 32) % 32;
constexpr int kShare = kOutputs / kCluster;

static_assert(kColumns % 8 == 0 && kShare % 4 == 0 && kProductRows == DENSE_WIDE_ROWS, "whole tiles and whole vectors");
static_assert(kDepth >= 3, "one stage in hand and one on its way");
static_assert(kOutputs % kCopiedRows == 0 && kCopiedRows % 8 == 0, "a thread's rows are all swapped alike");
static_assert(kProductRows * kPitch * 4 <= kDepth * kStageBytes, "sums lie where the queue was");

// This block's stages of the inputs.
struct Part {
  int first, count;

  __device__ __forceinline__ Part(int inputs, int rank) {
    const int stages = ceilDiv(inputs, kStageInputs);
    first = stages * rank / kCluster;
    count = stages * (rank + 1) / kCluster - first;
  }
};

struct Queue {
  u32 stages, full, empty;

  __device__ __forceinline__ u32 stage(int number) const { return stages + number % kDepth * kStageBytes; }
  __device__ __forceinline__ u32 isFull(int number) const { return full + number % kDepth * 8; }
  __device__ __forceinline__ u32 isEmpty(int number) const { return empty + number % kDepth * 8; }
  __device__ __forceinline__ static u32 parity(int number) { return number / kDepth & 1; }
};

// A feeding thread's piece of every sixteenth row.
struct Feeder {
  const DenseWideParams &p;
  const int row, firstOutput, firstInput;
  const u32 place;

  __device__ __forceinline__ Feeder(const DenseWideParams &p, int firstOutput, int firstStage)
      : p(p), row(threadIdx.x / kPieces), firstOutput(firstOutput),
        firstInput(firstStage * kStageInputs + threadIdx.x % kPieces * 8),
        place(placeInRows(row, threadIdx.x % kPieces)) {}

  // Of a matrix's rows from `start` on, `count` of this thread's; zeros from the row `end` on.
  __device__ __forceinline__ void copy(const void *matrix, int start, int end, int count, int number,
                                       u32 target) const {
    const int input = firstInput + number * kStageInputs;
    const u16 *source = static_cast<const u16 *>(matrix) + static_cast<long long>(start + row) * p.inputs + input;
    const long long toNext = static_cast<long long>(kCopiedRows) * p.inputs;
    for (int i = 0; i < count; ++i, source += toNext) {
      const bool exists = input < p.inputs && start + row + i * kCopiedRows < end;
      copy8(target + place + i * kCopiedRows * kRowBytes, source, exists);
    }
  }

  __device__ __forceinline__ void copyWeights(int number, u32 stage) const {
    copy(p.weight, firstOutput, p.outputs, kOutputs / kCopiedRows, number, stage + kInputsBytes);
  }

  __device__ __forceinline__ void copyInputs(int number, u32 stage) const {
    copy(p.x, 0, p.rows, kProductRows / kCopiedRows, number, stage);
  }
};

__device__ __forceinline__ void feed(const DenseWideParams &p, const Queue &queue, Part part, int firstOutput) {
  const Feeder feeder(p, firstOutput, part.first);
  const int early = minimum(part.count, kDepth);
  for (int s = 0; s < early; ++s) feeder.copyWeights(s, queue.stage(s));
  awaitPredecessor();
  // A stage is told full when it has come, while those behind it are on their way; the first ones' weights, which were
  // asked for together, come together. One place of the queue is in hand: it is empty when the stage behind it has been
  // begun.
  constexpr int kAhead = kDepth - 2;
  for (int s = 0; s < part.count + kAhead; ++s) {
    if (s < part.count) {
      if (s >= kDepth) awaitAll(queue.isEmpty(s), queue.parity(s - kDepth));
      if (s >= early) feeder.copyWeights(s, queue.stage(s));
      feeder.copyInputs(s, queue.stage(s));
    }
    commit();
    if (s < kAhead) continue;
    awaitGroups<kAhead>();
    publish();
    arriveAt(queue.isFull(s - kAhead));
  }
}

// `half` of the outputs.
__device__ __forceinline__ void multiplyAll(float (&sums)[kColumns / 2], const Queue &queue, int count, int half) {
  const u32 weights = kInputsBytes + half * kColumns * kRowBytes;
  // Nothing comes before; polling meanwhile would only be in the way.
  awaitPredecessor();
  for (int s = 0; s < count; ++s) {
    awaitAll(queue.isFull(s), queue.parity(s));
    const u64 x = descriptor(queue.stage(s)), w = descriptor(queue.stage(s) + weights);
    fence();
#pragma unroll
    for (int k = 0; k < kStageInputs / kInputs; ++k) {
      multiply<kColumns>(sums, x + k * (kInputs * 2 >> 4), w + k * (kInputs * 2 >> 4), s > 0 || k > 0);
    }
    commitProducts();
    awaitProducts<1>();
    // A warp's wait is for its own products only.
    if (s > 0 && threadIdx.x % 32 == 0) arriveAt(queue.isEmpty(s - 1));
  }
  awaitProducts<0>();
}

// Puts a warpgroup's sums where the other blocks of the cluster find them.
__device__ __forceinline__ void leave(const float (&sums)[kColumns / 2], float *all, int half) {
  const int lane = threadIdx.x % 32, row = threadIdx.x % kThreads / 32 * 16 + lane / 4;
  float *place = all + row * kPitch + half * kColumns + lane % 4 * 2;
#pragma unroll
  for (int i = 0; i < kColumns / 8; ++i) {
    *reinterpret_cast<float2 *>(place + i * 8) = make_float2(sums[4 * i], sums[4 * i + 1]);
    *reinterpret_cast<float2 *>(place + 8 * kPitch + i * 8) = make_float2(sums[4 * i + 2], sums[4 * i + 3]);
  }
}

// Adds up all blocks' sums of this block's share of the outputs.
__device__ __forceinline__ void addUp(const DenseWideParams &p, u32 all, int rank, int firstOutput) {
  for (int i = threadIdx.x; i < p.rows * (kShare / 4); i += blockDim.x) {
    const int row = i / (kShare / 4), column = rank * kShare + i % (kShare / 4) * 4, output = firstOutput + column;
    if (output >= p.outputs) continue;
    float4 sum = make_float4(0, 0, 0, 0);
#pragma unroll
    for (int block = 0; block < kCluster; ++block) {
      const float4 part = loadFromBlock(all + (row * kPitch + column) * 4, block);
      sum = make_float4(sum.x + part.x, sum.y + part.y, sum.z + part.z, sum.w + part.w);
    }
    const long long place = static_cast<long long>(row) * p.outputs + output;
    if (p.isFloat) {
      *reinterpret_cast<float4 *>(static_cast<float *>(p.y) + place) = sum;
    } else {
      *reinterpret_cast<uint2 *>(static_cast<u16 *>(p.y) + place) =
          make_uint2(pack(narrow(sum.x), narrow(sum.y)), pack(narrow(sum.z), narrow(sum.w)));
    }
  }
}

}  // namespace wide

#if __CUDA_ARCH__ >= 900 && __CUDA_ARCH__ < 1000
extern "C" __global__ void __launch_bounds__(3 * warpgroup::kThreads, 1)
    punica_dense_wide(const __grid_constant__ DenseWideParams p) {
  using namespace wide;
  extern __shared__ __align__(1024) unsigned char memory[];
  __shared__ u64 barriers[2 * kDepth];
  const u32 full = static_cast<u32>(__cvta_generic_to_shared(barriers));
  const Queue queue = {static_cast<u32>(__cvta_generic_to_shared(memory)), full, full + kDepth * 8};
  const int rank = rankInCluster(), firstOutput = blockIdx.x / kCluster * kOutputs;
  const int group = threadIdx.x / kThreads;
  releaseSuccessor();
  if (threadIdx.x < 2 * kDepth) {
    makeBarrier(full + threadIdx.x * 8, threadIdx.x < kDepth ? kThreads : kMultiplyingWarps);
  }
  __syncthreads();
  const Part part(p.inputs, rank);
  float sums[kColumns / 2];
  if (group == 0) {
    feed(p, queue, part, firstOutput);
  } else {
    multiplyAll(sums, queue, part.count, group - 1);
  }
  // Nobody reads or fills the queue any more.
  __syncthreads();
  if (group > 0) leave(sums, reinterpret_cast<float *>(memory), group - 1);
  meetCluster();
  addUp(p, queue.stages, rank, firstOutput);
  // Others may still read this block's sums.
  meetCluster();
}
#endif
