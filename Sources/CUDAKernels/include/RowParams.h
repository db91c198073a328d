#pragma once

#include "DevicePointer.h"
#include "LowRankParams.h"
#include "RowUpdates.h"

// x[t] = table[tokens[t]], zeros for a token outside firstToken ..< firstToken + tableRows.
struct EmbedParams {
    DEVICE_POINTER(const void) table;
    DEVICE_POINTER(const int32_t) tokens;
    DEVICE_POINTER(const int32_t) rowCount;
    DEVICE_POINTER(float) x;
    int32_t firstToken;
    int32_t tableRows;
};

// x[t] = columnScale * (x[t] + scale * B·A[:, tokens[t]]) for the rows of segments.
struct EmbedLowRankParams {
    DEVICE_POINTER(const struct LowRankEntry) table;
    DEVICE_POINTER(const int32_t) segmentStart;
    DEVICE_POINTER(const int32_t) segmentEnd;
    DEVICE_POINTER(const int32_t) segmentSlot;
    DEVICE_POINTER(const int32_t) segmentCount;
    DEVICE_POINTER(const int32_t) tokens;
    DEVICE_POINTER(const int32_t) rowCount;
    DEVICE_POINTER(float) x;
    int32_t entriesPerAdapter;
    int32_t entry;
    int32_t vocabularySize;
    int32_t unused;
};

// x[t] += delta[t] with its updates; y[t] = x[t] / rms(x[t]) * weight. With rows, of row rows[t] instead, and x stays as
// it is.
struct AddNormalizeParams {
    DEVICE_POINTER(float) x;
    DEVICE_POINTER(const void) delta;
    DEVICE_POINTER(const int32_t) rows;
    DEVICE_POINTER(const int32_t) rowCount;
    DEVICE_POINTER(const float) weight;
    DEVICE_POINTER(void) y;
    // Of delta.
    struct RowUpdates updates;
    float epsilon;
    // Elements from one row of y to the next.
    int32_t pitch;
};

// y[t] = silu(x[t, ..<F]) * x[t, F...], x with its updates
struct GateParams {
    DEVICE_POINTER(const void) x;
    DEVICE_POINTER(const int32_t) rowCount;
    DEVICE_POINTER(void) y;
    struct RowUpdates updates;
    // Elements from one row of y to the next.
    int32_t pitch;
    int32_t unused;
};

// y[t] += bias
struct AddBiasParams {
    DEVICE_POINTER(const float) bias;
    DEVICE_POINTER(const int32_t) rowCount;
    DEVICE_POINTER(void) y;
    int32_t columns;
    int32_t pitch;
};

// y[t] += updates
struct AddUpdatesParams {
    struct RowUpdates updates;
    DEVICE_POINTER(const int32_t) rowCount;
    DEVICE_POINTER(void) y;
    // Of a row of y and of the updates, and from one to the next; a multiple of 8.
    int32_t columns;
    int32_t unused;
};
