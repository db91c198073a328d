// The weighted sum of value rows in attention, a tile of heads and vectors at a time.

/// What a block adds to the sums of some heads over `width` vectors of the value rows.
typedef struct value_tile {
    const float *const *values;  // rows of the run's keys
    ptrdiff_t count;
    const float *weights;        // [heads, punica_attention_block], at the run's first key
    const float *carried;        // [heads]
    float *accumulator;          // [heads, ld]
    ptrdiff_t ld;
    ptrdiff_t column;
    ptrdiff_t last;              // valid floats of the last vector
} value_tile;

INLINE void add_values(const value_tile *t, int heads, int width, bool whole) {
    vector sums[8];
#pragma clang loop unroll(full)
    for (int i = 0; i < heads * width; i++)
        sums[i] = load(t->accumulator + i / width * t->ld + t->column + i % width * LANES) * t->carried[i / width];
    for (ptrdiff_t j = 0; j < t->count; j++) {
        const float *value = t->values[j] + t->column;
#pragma clang loop unroll(full)
        for (int d = 0; d < width; d++) {
            const bool full = whole || d + 1 < width;
            const vector v = full ? load(value + d * LANES) : load_first(value + d * LANES, t->last);
#pragma clang loop unroll(full)
            for (int h = 0; h < heads; h++)
                sums[h * width + d] = fused(splat(t->weights[h * punica_attention_block + j]), v, sums[h * width + d]);
        }
    }
#pragma clang loop unroll(full)
    for (int i = 0; i < heads * width; i++)
        store(t->accumulator + i / width * t->ld + t->column + i % width * LANES, sums[i]);
}

#define VALUE_TILE(HEADS, WIDTH)                                                    \
    static void add_values_##HEADS##x##WIDTH(const value_tile *t) {                 \
        if (t->last == LANES) add_values(t, HEADS, WIDTH, true);                    \
        else add_values(t, HEADS, WIDTH, false);                                    \
    }
VALUE_TILE(1, 1) VALUE_TILE(2, 1) VALUE_TILE(3, 1) VALUE_TILE(4, 1)
VALUE_TILE(1, 2) VALUE_TILE(2, 2) VALUE_TILE(3, 2) VALUE_TILE(4, 2)
static void (*const value_tiles[2][4])(const value_tile *) = {
    {add_values_1x1, add_values_2x1, add_values_3x1, add_values_4x1},
    {add_values_1x2, add_values_2x2, add_values_3x2, add_values_4x2},
};

static void add_block_values(value_tile tile, ptrdiff_t heads, ptrdiff_t head_size) {
    for (tile.column = 0; tile.column < head_size;) {
        const ptrdiff_t vectors = (head_size - tile.column + LANES - 1) / LANES, width = punica_min(vectors, 2);
        tile.last = punica_min(LANES, head_size - tile.column - (width - 1) * LANES);
        value_tiles[width - 1][heads - 1](&tile);
        tile.column += width * LANES;
    }
}
