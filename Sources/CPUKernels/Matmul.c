#include <string.h>

#include "Pool.h"

// Two ways through a product; they differ in what stays in which cache, not in a single bit of the result.
// Few rows: w streams from memory once and every row of x meets it there. Many rows: blocks of x and w that stay in
// the second cache, a span of k at a time, with the unreduced sums waiting in memory between spans.
enum {
    streamed_rows = 32,    // up to so many rows, w streams
    streamed_group = 12,   // rows of w that fewer rows of x than a tile's visit together
    streamed_tile = 3,     // and that more rows of x do
    blocked_rows = 64,     // rows of x in a block
    blocked_columns = 48,  // rows of w in a block
    blocked_depth = 512,   // columns of both in a block
};

typedef struct matmul {
    const punica_kernels *kernels;
    float *y;
    ptrdiff_t ldy;
    const float *panel;
    const char *w;
    punica_scalar type;
    ptrdiff_t m, n, k;
    ptrdiff_t row_blocks, column_blocks, rows_per_block, columns_per_block, group, depth;
    bool widens;           // w is kept as floats once it has been widened
    float *work;           // per thread: results of a block, its unreduced sums, its part of w as floats
    ptrdiff_t sums_at, wide_at, work_count;
} matmul;

static void write_out(const matmul *p, const float *out, ptrdiff_t ldo, ptrdiff_t m, ptrdiff_t rows, ptrdiff_t n,
                      ptrdiff_t columns) {
    for (ptrdiff_t i = 0; i < rows; i++)
        memcpy(p->y + (m + i) * p->ldy + n, out + i * ldo, (size_t)columns * sizeof(float));
}

static void multiply_block(void *context, ptrdiff_t begin, ptrdiff_t end, int32_t thread) {
    const matmul *p = context;
    float *out = p->work + thread * p->work_count;
    for (ptrdiff_t task = begin; task < end; task++) {
        const ptrdiff_t m = task % p->row_blocks * p->rows_per_block, n = task / p->row_blocks * p->columns_per_block;
        const ptrdiff_t rows = punica_min(p->rows_per_block, p->m - m);
        const ptrdiff_t columns = punica_min(p->columns_per_block, p->n - n);
        const punica_dot_block block = {
            .panel = p->panel + punica_panel_count(p->kernels, m, p->k), .m = rows,
            .w = p->w + n * p->k * punica_scalar_size(p->type), .ldw = p->k, .type = p->type, .n = columns, .k = p->k,
            .out = out, .ldo = p->columns_per_block, .n_group = p->group,
            .k_block = p->depth, .partial = p->depth ? out + p->sums_at : NULL,
            .wide = p->widens ? out + p->wide_at : NULL, .prefetch = p->m <= streamed_rows,
        };
        p->kernels->dot_block(&block);
        write_out(p, out, p->columns_per_block, m, rows, n, columns);
    }
}

static void plan(matmul *p, int32_t threads) {
    const bool streamed = p->m <= streamed_rows;
    // Half precision is slow to widen, so that keeping the floats pays from the second tile of rows on. bfloat16 is
    // widened by one cheap instruction, which costs less than reading twice the bytes.
    p->widens = p->m > punica_tile_rows && p->type == punica_scalar_float16;
    p->depth = streamed && !p->widens ? 0 : blocked_depth;
    p->rows_per_block = streamed ? p->m : punica_min(blocked_rows, p->m);
    const ptrdiff_t share = punica_round_up((p->n + threads * 4 - 1) / (threads * 4), 12);
    p->columns_per_block = punica_min(share, streamed ? 96 : blocked_columns);
    p->row_blocks = (p->m + p->rows_per_block - 1) / p->rows_per_block;
    p->column_blocks = (p->n + p->columns_per_block - 1) / p->columns_per_block;
    p->group = p->m < punica_tile_rows ? streamed_group : streamed ? streamed_tile : p->columns_per_block;
    const ptrdiff_t depth = punica_round_up(p->depth ? p->depth : p->k, 2 * p->kernels->lanes);
    p->sums_at = punica_round_up(p->rows_per_block * p->columns_per_block, 16);
    p->wide_at = p->sums_at + (p->depth ? p->rows_per_block * p->group * p->kernels->lanes : 0);
    p->work_count = punica_round_up(p->wide_at + (p->widens ? p->group * depth : 0), 16);
}

void punica_matmul(punica_pool *pool, float *y, ptrdiff_t ldy, const float *x, ptrdiff_t ldx, const void *w,
                   punica_scalar type, ptrdiff_t m, ptrdiff_t n, ptrdiff_t k) {
    if (m <= 0 || n <= 0) return;
    matmul p = {.kernels = punica_kernels_selected(), .y = y, .ldy = ldy, .w = w, .type = type, .m = m, .n = n, .k = k};
    const int32_t threads = punica_pool_threads(pool);
    plan(&p, threads);
    const ptrdiff_t panel_count = punica_round_up(punica_panel_count(p.kernels, m, k), 16);
    float *scratch = punica_scratch(pool, (size_t)(panel_count + threads * p.work_count) * sizeof(float));
    punica_pack(pool, scratch, x, ldx, m, k, type);
    p.panel = scratch;
    p.work = scratch + panel_count;
    punica_parallel_for(pool, p.row_blocks * p.column_blocks, 1, multiply_block, &p);
    punica_scratch_release(pool, scratch);
}
