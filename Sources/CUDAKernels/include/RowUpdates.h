#pragma once

#include "DevicePointer.h"

// Low-rank updates that lie apart from the product they belong to, which its first reader adds.
struct RowUpdates {
    // As the product's rows, 16-bit; null where there are none.
    DEVICE_POINTER(const void) rows;
    // [rows], below 0 for rows without updates, of which nothing is read.
    DEVICE_POINTER(const int32_t) slots;
};
