// A packed panel against rows of w, tile by tile: which tiles read w together, and in what order.

/// Part of a block's work: rows n ..< n_end of w over columns k ..< k_end.
typedef struct reach {
    ptrdiff_t n, n_end;
    ptrdiff_t k, k_end;
} reach;

/// Has the tiles of a group fetch the same part of the next group, each its share, so that memory is busy all the time.
INLINE void plan_prefetch(const punica_dot_block *b, reach r, ptrdiff_t m, span *span) {
    const ptrdiff_t size = punica_scalar_size(b->type), bytes = (r.k_end - r.k) * size;
    // Only the first tiles read w itself when it is kept as floats.
    if (!b->prefetch || (b->wide && m > 0) || r.n_end + b->n_group > b->n) return;
    const ptrdiff_t tiles = b->wide ? 1 : (b->m + punica_tile_rows - 1) / punica_tile_rows;
    span->ahead = b->n_group * b->ldw * size + m / punica_tile_rows * bytes / tiles;
    span->pace = STEP * size / tiles;
}

/// One group of at most four packed rows, from row m, against a part of w that lies at `w`, rows `ldw` apart. The first
/// group keeps w as floats for those after it where the block has room for them.
static void dot_tiles(const punica_dot_block *b, ptrdiff_t m, reach r, const void *w, ptrdiff_t ldw, int type) {
    const ptrdiff_t rows = punica_min(punica_tile_rows, b->m - m), columns = tile_columns(rows);
    const ptrdiff_t stride = ldw * punica_scalar_size(type), padded = punica_round_up(r.k_end - r.k, STEP);
    const bool keeps = b->wide && m == 0 && b->m > punica_tile_rows;
    const tile_set *tiles = tiles_of(type);
    const tile_function wide = keeps ? tiles->keeping_wide : tiles->wide[rows - 1];
    const tile_function thin = keeps ? tiles->keeping_thin : tiles->thin[rows - 1];
    tile t = {
        .x = b->panel + m * punica_round_up(b->k, STEP) + r.k * rows,
        .span = {.steps = (r.k_end - r.k) / STEP, .last = (r.k_end - r.k) % STEP, .stride = stride,
                 .wide_stride = padded},
        .begins = r.k == 0,
        .ends = r.k_end == b->k,
        .ldo = b->ldo,
    };
    plan_prefetch(b, r, m, &t.span);
    for (ptrdiff_t n = r.n; n < r.n_end;) {
        const ptrdiff_t width = n + columns <= r.n_end ? columns : 1;
        t.w = (const char *)w + (n - r.n) * stride;
        t.wide = keeps ? b->wide + (n - r.n) * padded : NULL;
        t.partial = b->partial ? b->partial + (m * b->n_group + (n - r.n) * rows) * LANES : NULL;
        t.out = b->out + m * b->ldo + n;
        (width == 1 ? thin : wide)(&t);
        n += width;
    }
}

/// All rows of the panel against one part of w, which is widened once if there is room to keep it.
static void dot_rows(const punica_dot_block *b, reach r) {
    const char *w = (const char *)b->w + (r.n * b->ldw + r.k) * punica_scalar_size(b->type);
    const ptrdiff_t padded = punica_round_up(r.k_end - r.k, STEP);
    dot_tiles(b, 0, r, w, b->ldw, b->type);
    for (ptrdiff_t m = punica_tile_rows; m < b->m; m += punica_tile_rows) {
        if (b->wide) dot_tiles(b, m, r, b->wide, padded, punica_scalar_float32);
        else dot_tiles(b, m, r, w, b->ldw, b->type);
    }
}

static void dot_block(const punica_dot_block *b) {
    if (b->k == 0)
        for (ptrdiff_t m = 0; m < b->m; m++) memset(b->out + m * b->ldo, 0, (size_t)b->n * sizeof(float));
    const ptrdiff_t k_block = b->k_block ? b->k_block : b->k;
    for (ptrdiff_t n = 0; n < b->n; n += b->n_group)
        for (ptrdiff_t k = 0; k < b->k; k += k_block)
            dot_rows(b, (reach){n, punica_min(n + b->n_group, b->n), k, punica_min(k + k_block, b->k)});
}
