#pragma once

#include "DevicePointer.h"
#include "LowRankParams.h"

// y[t] = x[t]·Wᵀ for few rows; with an update, columnScale * (x[t]·Wᵀ + update[t]) where t's adapter has one.
struct DenseStreamParams {
    // [rows, inputs], without gaps.
    DEVICE_POINTER(const void) x;
    // [outputs, inputs]
    DEVICE_POINTER(const void) weight;
    // [rows, outputs], 16-bit or float.
    DEVICE_POINTER(void) y;
    // [rows, outputs], written by the launch right before this one; null for none.
    DEVICE_POINTER(const float) update;
    DEVICE_POINTER(const struct LowRankEntry) table;
    // That launch's plan, whose tag tells in `ready` that x is complete.
    DEVICE_POINTER(const void) plan;
    DEVICE_POINTER(const uint32_t) ready;
    // The adapter of each row; -1 for none.
    DEVICE_POINTER(const int32_t) rowSlots;
    int32_t rows;
    int32_t inputs;
    int32_t outputs;
    // Whether y is float.
    int32_t isFloat;
    int32_t entriesPerAdapter;
    // The first member's entry within an adapter's.
    int32_t firstEntry;
    int32_t memberCount;
    int32_t unused;
    // Where each member's outputs begin; what no member has is beyond all outputs.
    int32_t columns[4];
};
