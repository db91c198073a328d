#pragma once

#include "DevicePointer.h"
#include "LowRankParams.h"

// Low-rank updates of rows one by one. Members of a group read one input and write side by side.
struct LowRankRowsParams {
    DEVICE_POINTER(const struct LowRankEntry) table;
    // The adapter of each row; -1 for none.
    DEVICE_POINTER(const int32_t) rowSlots;
    DEVICE_POINTER(const int32_t) rowCount;
    DEVICE_POINTER(const void) x;
    DEVICE_POINTER(void) y;
    // [T, members, 512]
    DEVICE_POINTER(float) vectors;
    int32_t entriesPerAdapter;
    // The first member's entry within an adapter's.
    int32_t firstEntry;
    int32_t memberCount;
    int32_t inputs;
    int32_t xPitch;
    int32_t yPitch;
    int32_t outputs[4];
    // Where each member's outputs begin in a row of y.
    int32_t columns[4];
};
