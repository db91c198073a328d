#include <math.h>

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

typedef struct row_norms {
    const punica_kernels *kernels;
    float *result;
    const char *w;
    punica_scalar w_type;
    ptrdiff_t k;
    const float *a;  // [rank, k]
    const char *b;
    punica_scalar b_type;
    ptrdiff_t rank;
    float scale;
} row_norms;

// Columns done together: a block of the sum stays in the first cache while every row of A is added to it.
enum { norm_block = 1024, largest_rank = 512 };

/// Sum of squares in an order fixed by `count`.
static double sum_of_squares(const float *x, ptrdiff_t count) {
    double sums[4] = {0};
    for (ptrdiff_t i = 0; i < count; i++) sums[i % 4] += (double)x[i] * (double)x[i];
    return (sums[0] + sums[1]) + (sums[2] + sums[3]);
}

static float row_norm(const row_norms *p, ptrdiff_t row) {
    float coefficients[largest_rank], sum[norm_block];
    const ptrdiff_t size = punica_scalar_size(p->b_type);
    if (p->rank) p->kernels->to_float(coefficients, p->b + row * p->rank * size, p->b_type, p->rank);
    for (ptrdiff_t r = 0; r < p->rank; r++) coefficients[r] *= p->scale;
    double total = 0;
    for (ptrdiff_t k = 0; k < p->k; k += norm_block) {
        const ptrdiff_t count = punica_min(norm_block, p->k - k);
        p->kernels->to_float(sum, p->w + (row * p->k + k) * punica_scalar_size(p->w_type), p->w_type, count);
        p->kernels->add_rows(sum, p->a + k, p->k, coefficients, p->rank, count);
        total += sum_of_squares(sum, count);
    }
    return (float)sqrt(total);
}

static void norm_rows(void *context, ptrdiff_t begin, ptrdiff_t end, int32_t thread) {
    (void)thread;
    const row_norms *p = context;
    for (ptrdiff_t row = begin; row < end; row++) p->result[row] = row_norm(p, row);
}

void punica_row_norms(punica_pool *pool, float *result, const void *w, punica_scalar w_type, ptrdiff_t n,
                      ptrdiff_t k, const void *a, punica_scalar a_type, const void *b, punica_scalar b_type,
                      ptrdiff_t rank, float scale) {
    const punica_kernels *kernels = punica_kernels_selected();
    float *wide_a = punica_scratch(pool, (size_t)(rank * k + 1) * sizeof(float));
    if (rank) kernels->to_float(wide_a, a, a_type, rank * k);
    row_norms p = {kernels, result, w, w_type, k, wide_a, b, b_type, rank, scale};
    punica_for_rows(pool, n, (rank + 1) * k, norm_rows, &p);
    punica_scratch_release(pool, wide_a);
}
