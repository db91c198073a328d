#include <string.h>

#include "Pool.h"

// A rotation is two products and a sum; fusing them would make bits depend on the compiler.
#pragma STDC FP_CONTRACT OFF

typedef struct rotation {
    float *x;
    ptrdiff_t ldx, heads, head_size;
    const int32_t *positions;
    const float *cosine, *sine;
} rotation;

static void rotate_head(float *restrict low, float *restrict high, const float *restrict cosine,
                        const float *restrict sine, ptrdiff_t half) {
    for (ptrdiff_t i = 0; i < half; i++) {
        const float a = low[i], b = high[i];
        low[i] = a * cosine[i] - b * sine[i];
        high[i] = b * cosine[i] + a * sine[i];
    }
}

static void rotate_rows(void *context, ptrdiff_t begin, ptrdiff_t end, int32_t thread) {
    (void)thread;
    const rotation *p = context;
    const ptrdiff_t half = p->head_size / 2;
    for (ptrdiff_t t = begin; t < end; t++) {
        const ptrdiff_t angle = p->positions[t] * half;
        for (ptrdiff_t h = 0; h < p->heads; h++) {
            float *head = p->x + t * p->ldx + h * p->head_size;
            rotate_head(head, head + half, p->cosine + angle, p->sine + angle, half);
        }
    }
}

void punica_rope(punica_pool *pool, float *x, ptrdiff_t ldx, ptrdiff_t rows, ptrdiff_t heads, ptrdiff_t head_size,
                 const int32_t *positions, const float *cosine, const float *sine) {
    rotation p = {x, ldx, heads, head_size, positions, cosine, sine};
    punica_for_rows(pool, rows, heads * head_size, rotate_rows, &p);
}

typedef struct append {
    float *k_cache, *v_cache;
    const float *k, *v;
    ptrdiff_t ldk, ldv;
    const int32_t *kv_positions;
    ptrdiff_t kv_heads, head_size, page_size;
} append;

static void append_rows(void *context, ptrdiff_t begin, ptrdiff_t end, int32_t thread) {
    (void)thread;
    const append *p = context;
    const size_t bytes = (size_t)p->head_size * sizeof(float);
    for (ptrdiff_t t = begin; t < end; t++) {
        const ptrdiff_t page = p->kv_positions[t] / p->page_size, offset = p->kv_positions[t] % p->page_size;
        for (ptrdiff_t g = 0; g < p->kv_heads; g++) {
            const ptrdiff_t place = ((page * p->kv_heads + g) * p->page_size + offset) * p->head_size;
            memcpy(p->k_cache + place, p->k + t * p->ldk + g * p->head_size, bytes);
            memcpy(p->v_cache + place, p->v + t * p->ldv + g * p->head_size, bytes);
        }
    }
}

void punica_kv_append(punica_pool *pool, float *k_cache, float *v_cache, const float *k, ptrdiff_t ldk,
                      const float *v, ptrdiff_t ldv, const int32_t *kv_positions, ptrdiff_t rows,
                      ptrdiff_t kv_heads, ptrdiff_t head_size, ptrdiff_t page_size) {
    append p = {k_cache, v_cache, k, v, ldk, ldv, kv_positions, kv_heads, head_size, page_size};
    punica_for_rows(pool, rows, kv_heads * head_size, append_rows, &p);
}
