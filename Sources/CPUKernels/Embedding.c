#include "Pool.h"

typedef struct embedding {
    const punica_kernels *kernels;
    float *y;
    ptrdiff_t ldy;
    const char *table;
    punica_scalar type;
    const int32_t *tokens;
    ptrdiff_t hidden;
} embedding;

static void embed_rows(void *context, ptrdiff_t begin, ptrdiff_t end, int32_t thread) {
    (void)thread;
    const embedding *p = context;
    const ptrdiff_t row_bytes = p->hidden * punica_scalar_size(p->type);
    for (ptrdiff_t t = begin; t < end; t++)
        p->kernels->to_float(p->y + t * p->ldy, p->table + p->tokens[t] * row_bytes, p->type, p->hidden);
}

void punica_embed(punica_pool *pool, float *y, ptrdiff_t ldy, const void *table, punica_scalar type,
                  const int32_t *tokens, ptrdiff_t rows, ptrdiff_t hidden) {
    embedding p = {punica_kernels_selected(), y, ldy, table, type, tokens, hidden};
    punica_for_rows(pool, rows, hidden, embed_rows, &p);
}
