#pragma once

#include "DevicePointer.h"

// target[i] = source[i], 16 bytes each; `source` is pinned host memory.
struct FetchStepParams {
    DEVICE_POINTER(const void) source;
    DEVICE_POINTER(void) target;
    DEVICE_POINTER(const void) otherSource;
    DEVICE_POINTER(void) otherTarget;
    // What the step before has chosen, by wanted row; -1 where nothing could be chosen.
    DEVICE_POINTER(const int32_t) chosen;
    // 16 bytes each.
    int32_t packCount;
    int32_t otherPackCount;
    // Where tokens are among the numbers of source; firstToken is a multiple of 4, and what lies behind them is not
    // negative.
    int32_t firstToken;
    int32_t tokenEnd;
    // Where tokens seen (`SampleSeen`) are among the numbers of otherSource; firstSeen is a multiple of 4.
    int32_t firstSeen;
    int32_t seenEnd;
};
