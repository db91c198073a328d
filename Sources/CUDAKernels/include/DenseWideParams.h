#pragma once

#include "DevicePointer.h"

enum {
    // Of a product, at most.
    DENSE_WIDE_ROWS = 64,
};

// y[t] = x[t]·Wᵀ
struct DenseWideParams {
    // [rows, inputs], without gaps.
    DEVICE_POINTER(const void) x;
    // [outputs, inputs]
    DEVICE_POINTER(const void) weight;
    // [rows, outputs], 16-bit or float.
    DEVICE_POINTER(void) y;
    int32_t rows;
    // A multiple of 8, as outputs are.
    int32_t inputs;
    int32_t outputs;
    // Whether y is float.
    int32_t isFloat;
};
