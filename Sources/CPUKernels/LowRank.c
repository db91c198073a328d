#include "LowRank.h"

#pragma STDC FP_CONTRACT OFF

// Cells are small enough that eight adapters of rank 8 feed many threads, and no part of a bit depends on them.
enum {
    shrink_rows = 64,
    shrink_ranks = 8,
    expand_rows = 64,
    expand_outputs = 256,
    largest_rank = 512,
    widest_step = 32,
};

static ptrdiff_t divide_up(ptrdiff_t value, ptrdiff_t by) { return (value + by - 1) / by; }

ptrdiff_t punica_low_rank_shrink_count(const punica_segment *segment) {
    return divide_up(punica_segment_rows(segment), shrink_rows) * divide_up(segment->rank, shrink_ranks);
}

ptrdiff_t punica_low_rank_expand_count(const punica_segment *segment, ptrdiff_t outputs) {
    return divide_up(punica_segment_rows(segment), expand_rows) * divide_up(outputs, expand_outputs);
}

static low_rank_task *list_cells(low_rank_task *next, ptrdiff_t job, ptrdiff_t rows, ptrdiff_t row_step,
                                 ptrdiff_t columns, ptrdiff_t column_step) {
    for (ptrdiff_t column = 0; column < columns; column += column_step)
        for (ptrdiff_t row = 0; row < rows; row += row_step)
            *next++ = (low_rank_task){(int32_t)job, (int32_t)row, (int32_t)column};
    return next;
}

void punica_low_rank_list(low_rank *p) {
    low_rank_task *shrink = p->shrinks, *expand = p->expands;
    for (ptrdiff_t i = 0; i < p->job_count; i++) {
        const low_rank_job *job = &p->jobs[i];
        const ptrdiff_t rows = punica_segment_rows(job->segment);
        shrink = list_cells(shrink, i, rows, shrink_rows, job->segment->rank, shrink_ranks);
        expand = list_cells(expand, i, rows, expand_rows, job->projection->outputs, expand_outputs);
    }
    p->shrink_count = shrink - p->shrinks;
    p->expand_count = expand - p->expands;
}

static void shrink(void *context, ptrdiff_t begin, ptrdiff_t end, int32_t thread) {
    (void)thread;
    const low_rank *p = context;
    for (ptrdiff_t i = begin; i < end; i++) {
        const low_rank_task task = p->shrinks[i];
        const low_rank_job *job = &p->jobs[task.job];
        const punica_segment *s = job->segment;
        const punica_dot_block block = {
            .panel = job->panel + punica_panel_count(p->kernels, task.row, p->inputs),
            .m = punica_min(shrink_rows, punica_segment_rows(s) - task.row),
            .w = (const char *)s->a + task.column * p->inputs * punica_scalar_size(s->a_type),
            .ldw = p->inputs, .type = s->a_type, .n = punica_min(shrink_ranks, s->rank - task.column),
            .k = p->inputs, .out = job->v + (ptrdiff_t)task.row * s->rank + task.column, .ldo = s->rank,
            .n_group = punica_segment_rows(s) < punica_tile_rows ? 4 : 3, .prefetch = true,
        };
        p->kernels->dot_block(&block);
    }
}

void punica_low_rank_shrink(punica_pool *pool, low_rank *p) {
    punica_parallel_for(pool, p->shrink_count, 1, shrink, p);
}

/// y = (y + scale * product) * (column scale or 1).
static void write_out(float *restrict y, const float *restrict product, float scale,
                      const float *restrict column_scale, ptrdiff_t count) {
    if (column_scale)
        for (ptrdiff_t i = 0; i < count; i++) y[i] = (y[i] + scale * product[i]) * column_scale[i];
    else
        for (ptrdiff_t i = 0; i < count; i++) y[i] = y[i] + scale * product[i];
}

/// At most punica_tile_rows rows of a segment from `row` on, for outputs `column` ..< `column + count`.
static void expand_tile(const low_rank *p, const low_rank_job *job, ptrdiff_t row, ptrdiff_t rows, ptrdiff_t column,
                        ptrdiff_t count) {
    _Alignas(64) float panel[punica_tile_rows * (largest_rank + widest_step)];
    _Alignas(64) float product[punica_tile_rows * expand_outputs];
    const punica_segment *s = job->segment;
    const punica_lora_projection *projection = job->projection;
    p->kernels->pack(panel, job->v + row * s->rank, s->rank, rows, s->rank, s->b_type);
    const punica_dot_block block = {
        .panel = panel, .m = rows, .w = (const char *)s->b + column * s->rank * punica_scalar_size(s->b_type),
        .ldw = s->rank, .type = s->b_type, .n = count, .k = s->rank, .out = product, .ldo = expand_outputs,
        .n_group = count,
    };
    p->kernels->dot_block(&block);
    for (ptrdiff_t i = 0; i < rows; i++)
        write_out(projection->y + (s->row_start + row + i) * projection->ldy + column, product + i * expand_outputs,
                  s->scale, s->column_scale ? s->column_scale + column : NULL, count);
}

static void expand(void *context, ptrdiff_t begin, ptrdiff_t end, int32_t thread) {
    (void)thread;
    const low_rank *p = context;
    for (ptrdiff_t i = begin; i < end; i++) {
        const low_rank_task task = p->expands[i];
        const low_rank_job *job = &p->jobs[task.job];
        const ptrdiff_t count = punica_min(expand_outputs, job->projection->outputs - task.column);
        const ptrdiff_t last = punica_min(task.row + expand_rows, punica_segment_rows(job->segment));
        for (ptrdiff_t row = task.row; row < last; row += punica_tile_rows)
            expand_tile(p, job, row, punica_min(punica_tile_rows, last - row), task.column, count);
    }
}

void punica_low_rank_expand(punica_pool *pool, low_rank *p) {
    punica_parallel_for(pool, p->expand_count, 1, expand, p);
}
