#include "Pool.h"

typedef struct normalization {
    const punica_kernels *kernels;
    float *y;
    ptrdiff_t ldy;
    const float *x;
    ptrdiff_t ldx;
    const float *weight;
    ptrdiff_t heads;  // pieces of a row that are normalized apart
    ptrdiff_t size;   // elements of each
    float epsilon;
} normalization;

static void normalize_rows(void *context, ptrdiff_t begin, ptrdiff_t end, int32_t thread) {
    (void)thread;
    const normalization *p = context;
    for (ptrdiff_t t = begin; t < end; t++)
        for (ptrdiff_t h = 0; h < p->heads; h++)
            p->kernels->rms_norm(p->y + t * p->ldy + h * p->size, p->x + t * p->ldx + h * p->size, p->weight, p->size,
                                 p->epsilon);
}

void punica_rms_norm(punica_pool *pool, float *y, ptrdiff_t ldy, const float *x, ptrdiff_t ldx, const float *weight,
                     ptrdiff_t rows, ptrdiff_t hidden, float epsilon) {
    normalization p = {punica_kernels_selected(), y, ldy, x, ldx, weight, 1, hidden, epsilon};
    punica_for_rows(pool, rows, 2 * hidden, normalize_rows, &p);
}

void punica_rms_norm_heads(punica_pool *pool, float *x, ptrdiff_t ldx, const float *weight, ptrdiff_t rows,
                           ptrdiff_t heads, ptrdiff_t head_size, float epsilon) {
    normalization p = {punica_kernels_selected(), x, ldx, x, ldx, weight, heads, head_size, epsilon};
    punica_for_rows(pool, rows, 2 * heads * head_size, normalize_rows, &p);
}
