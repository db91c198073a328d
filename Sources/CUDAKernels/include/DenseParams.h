#pragma once

#include "DevicePointer.h"

#ifdef __CUDACC__
#define DENSE_MAP_ALIGNMENT __align__(64)
#else
#define DENSE_MAP_ALIGNMENT
#endif

// What the driver's cuTensorMapEncodeTiled writes.
struct DENSE_MAP_ALIGNMENT DenseMap {
    uint64_t words[16];
};

// y[t, n] = sum over k of x[t, k] * w[n, k], plus bias[n]; operands 16-bit, sums in float.
// A weight row is `inputs` long and follows the one before it; rows of x and y are a pitch apart.
// Every address and `xPitch` are multiples of 16 bytes, `inputs` is a multiple of 16. 320 bytes.
struct DenseParams {
    struct DenseMap weights;  // box 64 inputs x tileRows, swizzle 128 bytes; read by kernels that copy by map
    struct DenseMap rowsMap;  // of x: box 64 inputs x the kernel's batch
    DEVICE_POINTER(const void) x;
    DEVICE_POINTER(const void) w;
    DEVICE_POINTER(const float) bias;  // [outputs] or null
    DEVICE_POINTER(void) y;
    int32_t rows;      // of x and y, at most the kernel's batch
    int32_t outputs;   // rows of w
    int32_t inputs;
    int32_t xPitch;    // elements
    int32_t yPitch;    // elements
    int32_t tileRows;  // weight rows that a cluster takes at a time, at most the kernel's rows
    int32_t isFloat;   // y is float instead of 16-bit
    int32_t unused;
};
