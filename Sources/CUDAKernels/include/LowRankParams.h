#pragma once

#include "DevicePointer.h"

// Pairs of each product that a block of the decode kernel finds beside its share.
#define LOW_RANK_NEAR 2
// Ranks of a block of columns, and how many blocks there is room for behind the inputs of x and W.
#define LOW_RANK_COLUMN_RANKS 16
#define LOW_RANK_COLUMN_BLOCKS 2

// One adapter's update of one projection: y = columnScale * (y + scale * B·(A·x)). 32 bytes.
// a is [rank, inputs], b is [outputs, rank], both 16-bit row-major and 256-byte aligned; rank 0 = no update.
struct LowRankEntry {
    DEVICE_POINTER(const void) a;
    DEVICE_POINTER(const void) b;
    DEVICE_POINTER(const float) columnScale;
    int32_t rank;
    float scale;
};

// A plan's line for one segment and one member of a group. Units are counted over the whole group:
// a shrink unit is a tile of rows x 16 ranks x one chunk of the inputs, an expand unit is a tile of rows x one tile of
// outputs. 64 bytes.
struct LowRankPair {
    DEVICE_POINTER(const void) a;
    DEVICE_POINTER(const void) b;
    DEVICE_POINTER(const float) columnScale;
    float scale;
    int32_t rank;
    int32_t rowStart;
    int32_t rowCount;
    int32_t member;
    int32_t scratchStart;
    int32_t shrinkStart;
    int32_t shrinkEnd;
    int32_t expandStart;
    int32_t expandEnd;
};

// A plan's line for one block: half-open ranges of units, and the pair that each begins in. 32 bytes.
struct LowRankShare {
    int32_t shrinkStart;
    int32_t shrinkEnd;
    int32_t shrinkPair;
    uint32_t tag;
    int32_t expandStart;
    int32_t expandEnd;
    int32_t expandPair;
    int32_t unused;
};

// Members of a group read one input and write side by side: member m writes columns[m] ..< columns[m] + outputs[m].
struct LowRankGroup {
    int32_t firstEntry;
    int32_t memberCount;
    int32_t inputs;
    int32_t unused;
    int32_t outputs[4];
    int32_t columns[4];
};

// Ranks from `firstRank` on of a segment's adapter whose updates are columns of their products; 0 for other rows.
struct LowRankColumnBlock {
    int32_t rowStart;
    int32_t rowEnd;
    int32_t slot;
    int32_t firstRank;
};

// The columns in use in a step: y = [x | v]·[W | B]ᵀ. Behind the inputs of x and of W, blocks of a group have for each of
// its members 16 columns of v's leading 16 bits and 16 of the rest, and twice those of B. Blocks of a segment are
// neighbours.
struct LowRankColumns {
    struct LowRankColumnBlock blocks[LOW_RANK_COLUMN_BLOCKS];
    int32_t count;
    // Of the step.
    int32_t rows;
};

// Puts B's columns beside W.
struct LowRankColumnParams {
    DEVICE_POINTER(const struct LowRankEntry) table;
    // Addresses of W, [layers, groupCount].
    DEVICE_POINTER(const uint64_t) weights;
    int32_t entriesPerAdapter;
    int32_t entriesPerLayer;
    int32_t groupCount;
    int32_t unused;
    struct LowRankColumns columns;
    struct LowRankGroup groups[4];
};

struct LowRankPlanParams {
    DEVICE_POINTER(const struct LowRankEntry) table;
    DEVICE_POINTER(const int32_t) segmentStart;
    DEVICE_POINTER(const int32_t) segmentEnd;
    DEVICE_POINTER(const int32_t) segmentSlot;
    DEVICE_POINTER(const int32_t) segmentCount;
    DEVICE_POINTER(void) plans;
    int64_t planStride;
    int32_t entriesPerAdapter;
    int32_t entriesPerLayer;
    int32_t groupCount;
    int32_t blocks;
    uint32_t firstTag;
    uint32_t tagStep;
    int32_t rowsPerTile;
    int32_t chunk;
    int32_t shrinkWeight;
    // Only segments of at least and at most so many rows.
    int32_t leastRows;
    int32_t mostRows;
    // Whether updates are added to y. If they are written instead, every segment is in a pair of each member, of rank 0
    // where nothing changes.
    int32_t adds;
    int32_t unused;
    // Their segments have no expand, and as many tiles of ranks as blocks.
    struct LowRankColumns columns;
    struct LowRankGroup groups[4];
};

struct LowRankUpdateParams {
    DEVICE_POINTER(const void) x;
    DEVICE_POINTER(void) y;
    DEVICE_POINTER(const void) plan;
    DEVICE_POINTER(void) scratch;
    // Of long segments whose shrink has been launched and whose expand is to follow; null for none. Of the decode kernel.
    DEVICE_POINTER(const void) longPlan;
    DEVICE_POINTER(const void) longScratch;
    // Chunks of each tile of columns that are summed; zero between launches. Of the shrink of long segments, as `columns`.
    DEVICE_POINTER(uint32_t) arrivals;
    int32_t xPitch;
    int32_t yPitch;
    int32_t vectorPitch;
    // Whether updates are added to what lies in y; else they are all that is written there.
    int32_t adds;
    // Whether the predecessor makes x, or the y that is added to. If not, it has waited for what does before it released
    // this launch, which then runs beside it and waits for it in the end. Of the decode kernel.
    int32_t followsRows;
    int32_t unused;
    struct LowRankColumns columns;
    struct LowRankGroup group;
};
