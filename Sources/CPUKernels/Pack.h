// Rows of x in the order in which tiles read them.

/// The place within its step where column `column` of x meets the same column of w.
INLINE ptrdiff_t step_place(ptrdiff_t column, punica_scalar type) {
    return type == punica_scalar_bfloat16 ? column % 2 * LANES + column / 2 : column;
}

INLINE void pack_step(float *to, const float *from, punica_scalar type) {
    const vector first = load(from), second = load(from + LANES);
    const bool apart = type == punica_scalar_bfloat16;
    store(to, apart ? even_lanes(first, second) : first);
    store(to + LANES, apart ? odd_lanes(first, second) : second);
}

static void pack(float *panel, const float *x, ptrdiff_t ldx, ptrdiff_t rows, ptrdiff_t k, punica_scalar type) {
    const ptrdiff_t padded = punica_round_up(k, STEP);
    for (ptrdiff_t m = 0; m < rows; m++) {
        const ptrdiff_t first = m / punica_tile_rows * punica_tile_rows;
        const ptrdiff_t group = punica_min(punica_tile_rows, rows - first);
        float *to = panel + first * padded + (m - first) * STEP;
        const float *from = x + m * ldx;
        ptrdiff_t step = 0;
        for (; step + STEP <= k; step += STEP, to += group * STEP) pack_step(to, from + step, type);
        if (step == k) continue;
        for (ptrdiff_t i = 0; i < STEP; i++) to[step_place(i, type)] = step + i < k ? from[step + i] : 0;
    }
}
