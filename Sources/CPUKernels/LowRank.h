// The two halves of a low-rank product over segments of rows: v = x A' and y += scale v B'.
#ifndef PUNICA_LOW_RANK_H
#define PUNICA_LOW_RANK_H

#include "Pool.h"

/// One adapter on one projection for one run of rows.
typedef struct low_rank_job {
    const punica_segment *segment;
    const punica_lora_projection *projection;
    const float *panel;  // packed rows of x; unused when v is gathered
    float *v;            // [rows of the segment, rank]
} low_rank_job;

/// A cell of a job: rows and columns (ranks or outputs) from here on.
typedef struct low_rank_task {
    int32_t job;
    int32_t row;
    int32_t column;
} low_rank_task;

typedef struct low_rank {
    const punica_kernels *kernels;
    const float *x;
    ptrdiff_t ldx, inputs;
    low_rank_job *jobs;
    ptrdiff_t job_count;
    low_rank_task *shrinks, *expands;
    ptrdiff_t shrink_count, expand_count;
} low_rank;

/// Rows of a segment.
static inline ptrdiff_t punica_segment_rows(const punica_segment *s) { return s->row_end - s->row_start; }

/// Upper bounds for what `punica_low_rank_list` writes.
ptrdiff_t punica_low_rank_shrink_count(const punica_segment *segment);
ptrdiff_t punica_low_rank_expand_count(const punica_segment *segment, ptrdiff_t outputs);

/// Lists the tasks of all jobs.
void punica_low_rank_list(low_rank *p);

/// Runs all shrink tasks: fills v.
void punica_low_rank_shrink(punica_pool *pool, low_rank *p);

/// Runs all expand tasks: adds to y.
void punica_low_rank_expand(punica_pool *pool, low_rank *p);

#endif
