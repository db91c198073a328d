// Updates that lie apart from their product, for whatever reads the product first.
#pragma once

#include "RowUpdates.h"
#include "common.cuh"

namespace punica {

// Of one row; null where it has none. `start` is where the row begins, in elements. Reads nothing that the kernel before
// makes.
__device__ __forceinline__ const element *updatesOfRow(const RowUpdates &updates, int row, int64_t start) {
    if (!updates.rows || updates.slots[row] < 0) return nullptr;
    return static_cast<const element *>(updates.rows) + start;
}

// Adds the updates at `place`, unless `updates` is null.
template <int count>
__device__ __forceinline__ void addUpdates(float (&values)[count], const element *updates, int place) {
    // Predicated and not branched around, so that both are asked for together.
    typename Pack<count>::type raw{};
    if (updates) raw = *reinterpret_cast<const typename Pack<count>::type *>(updates + place);
    float changes[count];
    unpack(changes, raw);
#pragma unroll
    for (int i = 0; i < count; i++) values[i] += changes[i];
}

}  // namespace punica
