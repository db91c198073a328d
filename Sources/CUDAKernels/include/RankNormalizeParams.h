#pragma once

#include "DevicePointer.h"
#include "RowParams.h"

// As AddNormalizeParams, without rows, but that what is added to x[t] is the sum of all ranks' delta[t] with updates, in
// the order of the ranks. Addresses of other ranks' memory are those that this rank sees.
struct RankNormalizeParams {
    // delta is 16-bit.
    struct AddNormalizeParams norm;
    // By rank, what others send it: uint64 [ranks, 2, mostRows, E / 2], zero at first.
    DEVICE_POINTER(uint64_t) words[8];
    // Of this rank: uint32 [mostRows], zero at first.
    DEVICE_POINTER(uint32_t) epochs;
    int32_t mostRows;
    int32_t tpRank;
};
