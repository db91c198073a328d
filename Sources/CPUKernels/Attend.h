// Attention of a run of rows over one key/value head. Keys are folded in block by block with a running maximum; blocks
// lie at fixed positions and only visible keys are read, so a row's result depends on the row and its keys alone.

enum { BLOCK = punica_attention_block, SCORES_LD = punica_attention_block };

/// Floats of one value row, padded to whole vectors.
INLINE ptrdiff_t padded_head(const punica_attention_batch *b) { return punica_round_up(b->head_size, STEP); }

typedef struct attend_memory {
    float *queries;      // per row a packed panel of its heads
    float *accumulator;  // [rows, heads of the group, padded head]
    float *maximum;      // [rows, heads of the group]
    float *total;        // [rows, heads of the group]
    float *scores;       // [heads of the group, BLOCK]
} attend_memory;

static attend_memory lay_out(const punica_attention_batch *b, ptrdiff_t rows, float *scratch) {
    const ptrdiff_t group = b->heads / b->kv_heads, panel = rows * group * padded_head(b);
    attend_memory memory = {.queries = scratch, .accumulator = scratch + panel};
    memory.scores = memory.accumulator + panel;
    memory.maximum = memory.scores + group * SCORES_LD;
    memory.total = memory.maximum + rows * group;
    return memory;
}

static ptrdiff_t attend_scratch(const punica_attention_batch *b, ptrdiff_t rows) {
    const ptrdiff_t group = b->heads / b->kv_heads;
    return punica_round_up(2 * rows * group * padded_head(b) + group * SCORES_LD + 2 * rows * group, 16);
}

/// Keys first ..< end of a block and where they lie.
typedef struct key_run {
    const punica_attend *task;
    ptrdiff_t block;  // first position of the block
    ptrdiff_t first;
    ptrdiff_t end;
} key_run;

/// Distance in floats from a cache's start to this head's row at `position`.
INLINE ptrdiff_t cache_offset(const punica_attend *task, ptrdiff_t position) {
    const punica_attention_batch *b = task->batch;
    const ptrdiff_t page = b->page_indices[b->page_starts[task->sequence] + position / b->page_size];
    return ((page * b->kv_heads + task->kv_head) * b->page_size + position % b->page_size) * b->head_size;
}

static void score_keys(key_run run, const float *queries, ptrdiff_t group, float *scores) {
    const punica_attention_batch *b = run.task->batch;
    for (ptrdiff_t position = run.first; position < run.end;) {
        const ptrdiff_t in_page = b->page_size - position % b->page_size;
        const ptrdiff_t count = punica_min(in_page, run.end - position);
        const punica_dot_block block = {
            .panel = queries, .m = group, .w = b->k_cache + cache_offset(run.task, position), .ldw = b->head_size,
            .type = punica_scalar_float32, .n = count, .k = b->head_size, .out = scores + position - run.block,
            .ldo = SCORES_LD, .n_group = count,
        };
        dot_block(&block);
        position += count;
    }
}

/// Turns one head's scores into weights and returns the factor that the sums before this block now carry.
static float weigh(key_run run, float *scores, float scale, float *running_maximum, float *total) {
    for (ptrdiff_t i = 0; i < run.first - run.block; i++) scores[i] = -INFINITY;
    for (ptrdiff_t i = run.end - run.block; i < BLOCK; i++) scores[i] = -INFINITY;
    vector highest = splat(*running_maximum);
    for (int i = 0; i < BLOCK; i += LANES) {
        const vector scaled = load(scores + i) * scale;
        store(scores + i, scaled);
        highest = choose(scaled > highest, scaled, highest);
    }
    const float new_maximum = largest(highest);
    const float shift = new_maximum == -INFINITY ? 0 : new_maximum;
    vector sums = {0};
    for (int i = 0; i < BLOCK; i += LANES) {
        const vector weights = exponential(load(scores + i) - shift);
        store(scores + i, weights);
        sums += weights;
    }
    const float carried = exponential(splat(*running_maximum - shift))[0];
    *total = *total * carried + sum(sums);
    *running_maximum = new_maximum;
    return carried;
}

/// Folds the visible keys of one block into row `row` of the task.
static void fold_block(key_run run, ptrdiff_t row, attend_memory memory, const float *const *values) {
    const punica_attention_batch *b = run.task->batch;
    const ptrdiff_t group = b->heads / b->kv_heads, padded = padded_head(b);
    score_keys(run, memory.queries + row * group * padded, group, memory.scores);
    for (ptrdiff_t h = 0; h < group; h += 4) {
        const ptrdiff_t heads = punica_min(4, group - h), state = row * group + h;
        float carried[4];
        for (ptrdiff_t i = 0; i < heads; i++)
            carried[i] = weigh(run, memory.scores + (h + i) * SCORES_LD, b->scale, memory.maximum + state + i,
                               memory.total + state + i);
        const value_tile tile = {
            .values = values + (run.first - run.block), .count = run.end - run.first,
            .weights = memory.scores + h * SCORES_LD + (run.first - run.block), .carried = carried,
            .accumulator = memory.accumulator + state * padded, .ld = padded,
        };
        add_block_values(tile, heads, b->head_size);
    }
}

/// First position that a query at `position` sees.
INLINE ptrdiff_t first_visible(const punica_attention_batch *b, ptrdiff_t position) {
    return b->window > 0 ? punica_max(0, position - b->window + 1) : 0;
}

/// The positions that any row of a task sees.
static void visible_span(const punica_attend *task, ptrdiff_t *first, ptrdiff_t *end) {
    *first = PTRDIFF_MAX;
    *end = 0;
    for (ptrdiff_t row = task->row_begin; row < task->row_end; row++) {
        const ptrdiff_t position = task->batch->positions[row];
        *first = punica_min(*first, first_visible(task->batch, position));
        *end = punica_max(*end, position + 1);
    }
}

static void begin_rows(const punica_attend *task, attend_memory memory) {
    const punica_attention_batch *b = task->batch;
    const ptrdiff_t rows = task->row_end - task->row_begin, group = b->heads / b->kv_heads, padded = padded_head(b);
    for (ptrdiff_t row = 0; row < rows; row++) {
        const float *q = b->q + (task->row_begin + row) * b->ldq + task->kv_head * group * b->head_size;
        pack(memory.queries + row * group * padded, q, b->head_size, group, b->head_size, punica_scalar_float32);
    }
    memset(memory.accumulator, 0, (size_t)(rows * group * padded) * sizeof(float));
    for (ptrdiff_t i = 0; i < rows * group; i++) {
        memory.maximum[i] = -INFINITY;
        memory.total[i] = 0;
    }
}

static void finish_rows(const punica_attend *task, attend_memory memory) {
    const punica_attention_batch *b = task->batch;
    const ptrdiff_t rows = task->row_end - task->row_begin, group = b->heads / b->kv_heads;
    for (ptrdiff_t i = 0; i < rows * group; i++) {
        float *out = b->out + (task->row_begin + i / group) * b->ldout
            + (task->kv_head * group + i % group) * b->head_size;
        const float *from = memory.accumulator + i * padded_head(b);
        for (ptrdiff_t d = 0; d < b->head_size; d++) out[d] = from[d] / memory.total[i];
    }
}

static void attend(const punica_attend *task) {
    const punica_attention_batch *b = task->batch;
    const attend_memory memory = lay_out(b, task->row_end - task->row_begin, task->scratch);
    ptrdiff_t first, end;
    visible_span(task, &first, &end);
    begin_rows(task, memory);
    for (ptrdiff_t block = first / BLOCK * BLOCK; block < end; block += BLOCK) {
        const float *values[BLOCK] = {0};
        for (ptrdiff_t j = punica_max(first, block); j < punica_min(end, block + BLOCK); j++)
            values[j - block] = b->v_cache + cache_offset(task, j);
        for (ptrdiff_t row = task->row_begin; row < task->row_end; row++) {
            const ptrdiff_t position = b->positions[row];
            const key_run run = {task, block, punica_max(block, first_visible(b, position)),
                                 punica_min(block + BLOCK, position + 1)};
            if (run.first < run.end) fold_block(run, row - task->row_begin, memory, values);
        }
    }
    finish_rows(task, memory);
}
