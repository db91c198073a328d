// Dot products of packed rows of x with rows of w. For each output one vector accumulator runs over k in steps of
// two vectors; the tile's shape decides only which outputs are in registers together, never their bits.

/// The first of the two vectors of a step of a row of w. bfloat16 gives even columns first, then odd ones: half the
/// work of keeping their order, and `pack` puts x in the same order.
INLINE vector load_even(const char *w, int type) {
    if (type == punica_scalar_float32) return load((const float *)w);
    if (type == punica_scalar_float16) return load_half(w);
    return (vector)(*(const loose_bits *)w << 16);
}

/// The second vector.
INLINE vector load_odd(const char *w, int type) {
    if (type == punica_scalar_float32) return load((const float *)w + LANES);
    if (type == punica_scalar_float16) return load_half(w + 2 * LANES);
    return (vector)(*(const loose_bits *)w & 0xffff0000u);
}

/// Both vectors of the last `count` < STEP columns; columns after them read as zero and are not touched.
INLINE void load_last(const char *w, ptrdiff_t count, int type, vector *first, vector *second) {
    if (type == punica_scalar_float32) {
        *first = load_first((const float *)w, punica_min(count, LANES));
        *second = load_first((const float *)w + LANES, punica_max(count - LANES, 0));
        return;
    }
    const loose_bits raw = load_words(w, count);
    if (type == punica_scalar_float16) {
        split_halves(raw, first, second);
    } else {
        *first = (vector)(raw << 16);
        *second = (vector)(raw & 0xffff0000u);
    }
}

#if defined(__x86_64__)
#define REGISTER "v"
#elif defined(__aarch64__)
#define REGISTER "w"
#else
#define REGISTER "m"
#endif

INLINE void multiply_add(vector *sums, const float *x, const vector *w, int rows, int columns) {
#pragma clang loop unroll(full)
    for (int m = 0; m < rows; m++) {
        const vector xm = load(x + 2 * m * LANES);
#pragma clang loop unroll(full)
        for (int n = 0; n < columns; n++) sums[m * columns + n] = fused(xm, w[n], sums[m * columns + n]);
    }
}

typedef struct span {
    ptrdiff_t steps;        // whole steps
    ptrdiff_t last;         // columns of a broken step after them, or 0
    ptrdiff_t stride;       // bytes between rows of w
    ptrdiff_t wide_stride;  // floats between them where w is kept as floats
    ptrdiff_t ahead;        // bytes from w to what is fetched first for later tiles
    ptrdiff_t pace;         // bytes further for each step
} span;

/// Stores one vector of each row of w where later tiles read it as floats.
INLINE void keep(float *wide, ptrdiff_t stride, const vector *columns_of_w, int columns) {
#pragma clang loop unroll(full)
    for (int n = 0; n < columns; n++) store(wide + n * stride, columns_of_w[n]);
}

/// Adds a span's products to the sums. If `keeps`, its w goes to `wide` as floats in the order in which the steps
/// come out of registers.
INLINE void accumulate(vector *sums, const float *x, const char *w, span span, int rows, int columns, int type,
                       bool keeps, float *wide) {
    const ptrdiff_t step_bytes = STEP * (type == punica_scalar_float32 ? 4 : 2);
    const char *later = w + span.ahead;
    for (ptrdiff_t step = 0; step < span.steps; step++) {
        vector columns_of_w[4];
#pragma clang loop unroll(full)
        for (int n = 0; n < columns; n++) {
            columns_of_w[n] = load_even(w + n * span.stride, type);
            __builtin_prefetch(later + n * span.stride, 0, 2);
        }
        if (keeps) keep(wide, span.wide_stride, columns_of_w, columns);
        multiply_add(sums, x, columns_of_w, rows, columns);
        // Hides that w is the same until the sums are done, or the compiler loads ahead and spills sums for the room.
        __asm__("" : "+r"(w) : REGISTER(sums[rows * columns - 1]));
#pragma clang loop unroll(full)
        for (int n = 0; n < columns; n++) columns_of_w[n] = load_odd(w + n * span.stride, type);
        if (keeps) keep(wide + LANES, span.wide_stride, columns_of_w, columns);
        multiply_add(sums, x + LANES, columns_of_w, rows, columns);
        x += rows * STEP;
        w += step_bytes;
        later += span.pace;
        if (keeps) wide += STEP;
    }
    if (span.last) {
        vector first[4], second[4];
#pragma clang loop unroll(full)
        for (int n = 0; n < columns; n++) load_last(w + n * span.stride, span.last, type, &first[n], &second[n]);
        if (keeps) keep(wide, span.wide_stride, first, columns);
        if (keeps) keep(wide + LANES, span.wide_stride, second, columns);
        multiply_add(sums, x, first, rows, columns);
        multiply_add(sums, x + LANES, second, rows, columns);
    }
}

INLINE void reduce(float *out, ptrdiff_t ldo, const vector *sums, int rows, int columns) {
    if (columns == 4) {
#pragma clang loop unroll(full)
        for (int m = 0; m < rows; m++) {
            const vector *s = sums + m * columns;
            *(loose_vector4 *)(out + m * ldo) = sum_four(s[0], s[1], s[2], s[3]);
        }
    } else if (rows == 4) {
#pragma clang loop unroll(full)
        for (int n = 0; n < columns; n++) {
            const vector *s = sums + n;
            const vector4 four = sum_four(s[0], s[columns], s[2 * columns], s[3 * columns]);
#pragma clang loop unroll(full)
            for (int m = 0; m < 4; m++) out[m * ldo + n] = four[m];
        }
    } else {
#pragma clang loop unroll(full)
        for (int i = 0; i < rows * columns; i++) out[i / columns * ldo + i % columns] = sum(sums[i]);
    }
}

/// What one tile reads and writes.
typedef struct tile {
    const float *x;
    const char *w;
    span span;
    float *wide;     // where w is kept as floats for other tiles, or null
    float *partial;  // where sums wait between blocks of k
    bool begins;     // first block of k
    bool ends;       // last block of k
    float *out;
    ptrdiff_t ldo;
} tile;

INLINE void run_tile(const tile *t, int rows, int columns, int type, bool keeps) {
    vector sums[12];
#pragma clang loop unroll(full)
    for (int i = 0; i < rows * columns; i++) sums[i] = t->begins ? (vector){0} : load(t->partial + i * LANES);
    accumulate(sums, t->x, t->w, t->span, rows, columns, type, keeps, t->wide);
    if (t->ends) {
        reduce(t->out, t->ldo, sums, rows, columns);
    } else {
#pragma clang loop unroll(full)
        for (int i = 0; i < rows * columns; i++) store(t->partial + i * LANES, sums[i]);
    }
}

typedef void (*tile_function)(const tile *t);

#define TILE(ROWS, COLUMNS, NAME, TYPE) \
    static void tile_##ROWS##x##COLUMNS##_##NAME(const tile *t) { run_tile(t, ROWS, COLUMNS, TYPE, false); }
#define KEEPING_TILE(COLUMNS, NAME, TYPE) \
    static void keeping_4x##COLUMNS##_##NAME(const tile *t) { run_tile(t, 4, COLUMNS, TYPE, true); }
#define TILES(NAME, TYPE)                                                   \
    TILE(1, 4, NAME, TYPE) TILE(2, 4, NAME, TYPE) TILE(3, 4, NAME, TYPE)    \
    TILE(4, 3, NAME, TYPE) TILE(1, 1, NAME, TYPE) TILE(2, 1, NAME, TYPE)    \
    TILE(3, 1, NAME, TYPE) TILE(4, 1, NAME, TYPE)                           \
    KEEPING_TILE(3, NAME, TYPE) KEEPING_TILE(1, NAME, TYPE)                 \
    static const tile_set tiles_##NAME = {                                  \
        {tile_1x4_##NAME, tile_2x4_##NAME, tile_3x4_##NAME, tile_4x3_##NAME}, \
        {tile_1x1_##NAME, tile_2x1_##NAME, tile_3x1_##NAME, tile_4x1_##NAME}, \
        keeping_4x3_##NAME, keeping_4x1_##NAME,                             \
    };

/// Tiles of one type of weights, by rows.
typedef struct tile_set {
    tile_function wide[4];                     // as many columns as registers allow
    tile_function thin[4];                     // one column
    tile_function keeping_wide, keeping_thin;  // four rows, and w is kept as floats
} tile_set;

TILES(float32, punica_scalar_float32)
TILES(float16, punica_scalar_float16)
TILES(bfloat16, punica_scalar_bfloat16)

static const tile_set *tiles_of(punica_scalar type) {
    if (type == punica_scalar_float32) return &tiles_float32;
    return type == punica_scalar_float16 ? &tiles_float16 : &tiles_bfloat16;
}

/// Columns of the widest tile of so many rows: as many sums as registers allow.
INLINE ptrdiff_t tile_columns(ptrdiff_t rows) { return rows == 4 ? 3 : 4; }
