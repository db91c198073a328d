// Rotary position embedding of one number, the same bits wherever it is done.
#pragma once

#include "common.cuh"

namespace punica {

// `other` is what rope pairs `x` with: for the lower half of a head -sine is passed, for the upper half sine.
__device__ __forceinline__ float rotated(float x, float other, float cosine, float sine) {
    return fmaf(x, cosine, other * sine);
}

}  // namespace punica
