#pragma once

#include "DevicePointer.h"
#include "LowRankParams.h"

enum {
    // Inputs of a unit of A·x.
    DENSE_CHUNK = 1024,
    // Rows, members and ranks that updates are planned for; a product has three members at most.
    DENSE_ROWS = 32,
    DENSE_MEMBERS = 4,
    DENSE_RANKS = 512,
    DENSE_WORD_MEMBERS = 3,
};

// What a launch's updates are: made once a step by punica_dense_plan, for each layer and group and the head. 4864 bytes.
struct DenseUpdatePlan {
    // Of each row, four members; rank 0 = no update.
    struct LowRankEntry entries[DENSE_ROWS * DENSE_MEMBERS];
    // The adapter of each row; -1 for none.
    int32_t slots[DENSE_ROWS];
    // Where the units of A·x of each row and member begin; a segment's are its first row's. The last is their number.
    int32_t starts[DENSE_ROWS * DENSE_MEMBERS + 1];
    // Of the launch, and of no other.
    uint32_t tag;
    int32_t unused[30];
};

struct DensePlanParams {
    DEVICE_POINTER(const struct LowRankEntry) table;
    // The adapter of each row of the step, and of each wanted row; -1 for none. Rows of one adapter are neighbours.
    DEVICE_POINTER(const int32_t) rowSlots;
    DEVICE_POINTER(const int32_t) wantedSlots;
    // Grows by one with each step.
    DEVICE_POINTER(const uint32_t) round;
    // [layers · 4 + 1]
    DEVICE_POINTER(struct DenseUpdatePlan) plans;
    int32_t rows;
    int32_t wanted;
    int32_t layers;
    int32_t entriesPerAdapter;
    int32_t entriesPerLayer;
    int32_t unused;
    // With entries counted from a layer's first; the head's, which come last, from an adapter's.
    struct LowRankGroup groups[5];
};

// y[t] = x[t]·Wᵀ for few rows, with each row's own low-rank update, divided by what a norm has left if one has, added to
// what lies in y if asked; gated, silu of its first half times its second.
struct DenseStreamParams {
    // [rows, inputs]
    DEVICE_POINTER(const void) x;
    // [outputs, inputs]
    DEVICE_POINTER(const void) weight;
    // [rows, outputs], 16-bit or float; gated: [rows, outputs / 2].
    DEVICE_POINTER(void) y;
    // What is added to each output after everything else; null for none.
    DEVICE_POINTER(const float) bias;
    // Where x is still to be divided by its rows' root mean squares: sums of squares, [rows, blocks]; null where not.
    DEVICE_POINTER(const float) squares;
    // What the norm that follows multiplies outputs by, where it puts them, and where outputs' sums of squares go by block;
    // null where none follows.
    DEVICE_POINTER(const float) norm;
    DEVICE_POINTER(void) normed;
    DEVICE_POINTER(float) outputSquares;
    // Null where no row has an adapter.
    DEVICE_POINTER(const struct DenseUpdatePlan) plan;
    // Words for A·x, [ceil(inputs / DENSE_CHUNK), DENSE_WORD_MEMBERS, DENSE_ROWS, DENSE_RANKS]: a value and its launch's
    // tag.
    DEVICE_POINTER(uint64_t) vectors;
    int32_t rows;
    int32_t inputs;
    int32_t outputs;
    // Elements from one row to the next, multiples of 8 those of x and weight.
    int32_t xPitch;
    int32_t weightPitch;
    int32_t yPitch;
    int32_t normedPitch;
    // Whether y is float.
    int32_t isFloat;
    int32_t isGated;
    // Whether outputs are added to what lies in y, which is float then.
    int32_t adds;
    // With squares: what is added to their mean, and what makes a mean of their sum.
    float epsilon;
    float inverse;
    // Where each member's outputs begin, multiples of 8; what no member has is beyond all outputs.
    int32_t columns[4];
};
