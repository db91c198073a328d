#include "Pool.h"

// Rows of one sequence that a task does together, so that a block of keys is read from memory once for all of them.
enum { rows_together = 16 };

typedef struct row_run {
    int32_t sequence;
    int32_t begin;
    int32_t end;
} row_run;

typedef struct attention {
    const punica_kernels *kernels;
    const punica_attention_batch *batch;
    const row_run *runs;
    float *scratch;
    ptrdiff_t scratch_count;  // floats per thread
} attention;

static ptrdiff_t count_runs(const punica_attention_batch *b) {
    ptrdiff_t count = 0;
    for (int32_t s = 0; s < b->sequences; s++)
        count += (b->sequence_starts[s + 1] - b->sequence_starts[s] + rows_together - 1) / rows_together;
    return count;
}

static void list_runs(const punica_attention_batch *b, row_run *runs) {
    for (int32_t s = 0; s < b->sequences; s++) {
        const int32_t end = b->sequence_starts[s + 1];
        for (int32_t row = b->sequence_starts[s]; row < end; row += rows_together)
            *runs++ = (row_run){s, row, (int32_t)punica_min(row + rows_together, end)};
    }
}

static void attend_runs(void *context, ptrdiff_t begin, ptrdiff_t end, int32_t thread) {
    const attention *p = context;
    const ptrdiff_t heads = p->batch->kv_heads;
    for (ptrdiff_t i = begin; i < end; i++) {
        const row_run run = p->runs[i / heads];
        const punica_attend task = {p->batch, run.sequence, run.begin, run.end, i % heads,
                                    p->scratch + thread * p->scratch_count};
        p->kernels->attend(&task);
    }
}

void punica_attention(punica_pool *pool, const punica_attention_batch *batch) {
    attention p = {.kernels = punica_kernels_selected(), .batch = batch};
    const ptrdiff_t runs = count_runs(batch), threads = punica_pool_threads(pool);
    if (runs == 0) return;
    p.scratch_count = p.kernels->attend_scratch(batch, rows_together);
    const size_t floats_size = (size_t)(threads * p.scratch_count) * sizeof(float);
    char *scratch = punica_scratch(pool, floats_size + (size_t)runs * sizeof(row_run));
    p.scratch = (float *)scratch;
    row_run *list = (row_run *)(scratch + floats_size);
    list_runs(batch, list);
    p.runs = list;
    punica_parallel_for(pool, runs * batch->kv_heads, 1, attend_runs, &p);
    punica_scratch_release(pool, scratch);
}
