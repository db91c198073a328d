#pragma once

#include "DevicePointer.h"

// target[i] = source[i], 16 bytes each; `source` is pinned host memory.
struct FetchStepParams {
    DEVICE_POINTER(const void) source;
    DEVICE_POINTER(void) target;
    int32_t packCount;
    int32_t unused;
};
