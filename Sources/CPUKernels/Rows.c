#include "Pool.h"

// Fewer elements than this are done before other threads have woken.
enum { worth_sharing = 1 << 15 };

void punica_for_rows(punica_pool *pool, ptrdiff_t rows, ptrdiff_t columns, punica_task body, void *context) {
    const ptrdiff_t threads = punica_pool_threads(pool);
    if (rows * columns < worth_sharing) {
        if (rows > 0) body(context, 0, rows, 0);
        return;
    }
    punica_parallel_for(pool, rows, punica_max(1, rows / (threads * 4)), body, context);
}

typedef struct packing {
    const punica_kernels *kernels;
    float *panel;
    const float *x;
    ptrdiff_t ldx;
    ptrdiff_t rows;
    ptrdiff_t k;
    punica_scalar type;
} packing;

static void pack_groups(void *context, ptrdiff_t begin, ptrdiff_t end, int32_t thread) {
    (void)thread;
    const packing *p = context;
    const ptrdiff_t first = begin * punica_tile_rows, last = punica_min(end * punica_tile_rows, p->rows);
    p->kernels->pack(p->panel + punica_panel_count(p->kernels, first, p->k), p->x + first * p->ldx, p->ldx,
                     last - first, p->k, p->type);
}

void punica_pack(punica_pool *pool, float *panel, const float *x, ptrdiff_t ldx, ptrdiff_t rows, ptrdiff_t k,
                 punica_scalar type) {
    packing p = {punica_kernels_selected(), panel, x, ldx, rows, k, type};
    const ptrdiff_t groups = (rows + punica_tile_rows - 1) / punica_tile_rows;
    punica_for_rows(pool, groups, k * punica_tile_rows, pack_groups, &p);
}

typedef struct matrix_pair {
    float *y;
    ptrdiff_t ldy;
    const float *x;  // null where x is one row for all
    ptrdiff_t ldx;
    ptrdiff_t columns;
} matrix_pair;

static void add_rows_to_rows(void *context, ptrdiff_t begin, ptrdiff_t end, int32_t thread) {
    (void)thread;
    const matrix_pair *p = context;
    for (ptrdiff_t t = begin; t < end; t++)
        for (ptrdiff_t i = 0; i < p->columns; i++) p->y[t * p->ldy + i] += p->x[t * p->ldx + i];
}

void punica_add(punica_pool *pool, float *x, ptrdiff_t ldx, const float *y, ptrdiff_t ldy, ptrdiff_t rows,
                ptrdiff_t columns) {
    matrix_pair p = {x, ldx, y, ldy, columns};
    punica_for_rows(pool, rows, columns, add_rows_to_rows, &p);
}

void punica_add_bias(punica_pool *pool, float *y, ptrdiff_t ldy, const float *bias, ptrdiff_t rows,
                     ptrdiff_t columns) {
    matrix_pair p = {y, ldy, bias, 0, columns};
    punica_for_rows(pool, rows, columns, add_rows_to_rows, &p);
}

typedef struct silu {
    const punica_kernels *kernels;
    float *out;
    ptrdiff_t ldout;
    const float *gate_up;
    ptrdiff_t ldg;
    ptrdiff_t feed_forward;
} silu;

static void silu_rows(void *context, ptrdiff_t begin, ptrdiff_t end, int32_t thread) {
    (void)thread;
    const silu *p = context;
    for (ptrdiff_t t = begin; t < end; t++) {
        const float *gate = p->gate_up + t * p->ldg;
        p->kernels->silu_mul(p->out + t * p->ldout, gate, gate + p->feed_forward, p->feed_forward);
    }
}

void punica_silu_mul(punica_pool *pool, float *out, ptrdiff_t ldout, const float *gate_up, ptrdiff_t ldg,
                     ptrdiff_t rows, ptrdiff_t feed_forward) {
    silu p = {punica_kernels_selected(), out, ldout, gate_up, ldg, feed_forward};
    punica_for_rows(pool, rows, 8 * feed_forward, silu_rows, &p);
}
