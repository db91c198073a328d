#include "LowRank.h"

/// Sizes of everything that a call needs, in elements.
typedef struct sizes {
    ptrdiff_t jobs, shrinks, expands, panels, products;
} sizes;

static sizes measure(const punica_kernels *kernels, const punica_lora_projection *projections, ptrdiff_t count,
                     ptrdiff_t inputs) {
    sizes total = {0};
    for (ptrdiff_t i = 0; i < count; i++) {
        for (ptrdiff_t j = 0; j < projections[i].segment_count; j++) {
            const punica_segment *s = &projections[i].segments[j];
            const ptrdiff_t rows = punica_segment_rows(s);
            total.jobs++;
            total.shrinks += punica_low_rank_shrink_count(s);
            total.expands += punica_low_rank_expand_count(s, projections[i].outputs);
            total.panels += punica_panel_count(kernels, rows, inputs);
            total.products += rows * s->rank;
        }
    }
    return total;
}

/// Bytes of an array in scratch memory; what follows it stays aligned.
static size_t array_bytes(ptrdiff_t count, size_t size) {
    return (size_t)punica_round_up(count * (ptrdiff_t)size, 64);
}

static void *carve(char **memory, ptrdiff_t count, size_t size) {
    void *start = *memory;
    *memory += array_bytes(count, size);
    return start;
}

static size_t total_bytes(sizes sizes) {
    return array_bytes(sizes.jobs, sizeof(low_rank_job)) + array_bytes(sizes.shrinks, sizeof(low_rank_task))
        + array_bytes(sizes.expands, sizeof(low_rank_task)) + array_bytes(sizes.panels, sizeof(float))
        + array_bytes(sizes.products, sizeof(float));
}

static void lay_out(low_rank *p, sizes sizes, char *memory, float **panels, float **products) {
    p->jobs = carve(&memory, sizes.jobs, sizeof(low_rank_job));
    p->shrinks = carve(&memory, sizes.shrinks, sizeof(low_rank_task));
    p->expands = carve(&memory, sizes.expands, sizeof(low_rank_task));
    *panels = carve(&memory, sizes.panels, sizeof(float));
    *products = carve(&memory, sizes.products, sizeof(float));
}

/// bfloat16 meets x in an order of its own.
static bool same_order(punica_scalar a, punica_scalar b) {
    return (a == punica_scalar_bfloat16) == (b == punica_scalar_bfloat16);
}

/// Rows that the same segment of an earlier projection has packed in the same way, or null. Looking only at segments
/// of the same index keeps this cheap; projections of a layer list their segments alike.
static const float *packed_before(const low_rank *p, const punica_lora_projection *all, ptrdiff_t projection,
                                  ptrdiff_t index) {
    const punica_segment *s = &all[projection].segments[index];
    const low_rank_job *jobs = p->jobs;
    for (ptrdiff_t i = 0; i < projection; jobs += all[i++].segment_count) {
        if (index >= all[i].segment_count) continue;
        const punica_segment *other = jobs[index].segment;
        if (other->row_start == s->row_start && other->row_end == s->row_end && same_order(other->a_type, s->a_type))
            return jobs[index].panel;
    }
    return NULL;
}

static void add_job(punica_pool *pool, low_rank *p, const punica_lora_projection *all, ptrdiff_t projection,
                    ptrdiff_t index, float **panels, float **products) {
    const punica_segment *s = &all[projection].segments[index];
    const ptrdiff_t rows = punica_segment_rows(s);
    low_rank_job job = {.segment = s, .projection = &all[projection], .v = *products};
    *products += rows * s->rank;
    job.panel = packed_before(p, all, projection, index);
    if (!job.panel) {
        punica_pack(pool, *panels, p->x + s->row_start * p->ldx, p->ldx, rows, p->inputs, s->a_type);
        job.panel = *panels;
        *panels += punica_panel_count(p->kernels, rows, p->inputs);
    }
    p->jobs[p->job_count++] = job;
}

void punica_sgmv(punica_pool *pool, const punica_lora_projection *projections, ptrdiff_t projection_count,
                 const float *x, ptrdiff_t ldx, ptrdiff_t inputs) {
    low_rank p = {.kernels = punica_kernels_selected(), .x = x, .ldx = ldx, .inputs = inputs};
    const sizes sizes = measure(p.kernels, projections, projection_count, inputs);
    if (sizes.products == 0) return;
    float *panels, *products;
    char *scratch = punica_scratch(pool, total_bytes(sizes));
    lay_out(&p, sizes, scratch, &panels, &products);
    for (ptrdiff_t i = 0; i < projection_count; i++)
        for (ptrdiff_t j = 0; j < projections[i].segment_count; j++)
            add_job(pool, &p, projections, i, j, &panels, &products);
    punica_low_rank_list(&p);
    punica_low_rank_shrink(pool, &p);
    punica_low_rank_expand(pool, &p);
    punica_scratch_release(pool, scratch);
}

/// v = A[:, token] for every row of a segment.
static void gather(const low_rank_job *job, const punica_kernels *kernels, const int32_t *tokens,
                   ptrdiff_t vocabulary) {
    const punica_segment *s = job->segment;
    const ptrdiff_t size = punica_scalar_size(s->a_type);
    float *v = job->v;
    for (int32_t t = s->row_start; t < s->row_end; t++)
        for (int32_t r = 0; r < s->rank; r++)
            kernels->to_float(v++, (const char *)s->a + (r * vocabulary + tokens[t]) * size, s->a_type, 1);
}

void punica_embed_lora(punica_pool *pool, float *y, ptrdiff_t ldy, const int32_t *tokens,
                       const punica_segment *segments, ptrdiff_t segment_count, ptrdiff_t hidden,
                       ptrdiff_t vocabulary) {
    low_rank p = {.kernels = punica_kernels_selected()};
    const punica_lora_projection projection = {y, ldy, hidden, segments, segment_count};
    const sizes sizes = measure(p.kernels, &projection, 1, 0);
    if (sizes.products == 0) return;
    float *panels, *products;
    char *scratch = punica_scratch(pool, total_bytes(sizes));
    lay_out(&p, sizes, scratch, &panels, &products);
    for (ptrdiff_t i = 0; i < segment_count; i++) {
        p.jobs[p.job_count] = (low_rank_job){&segments[i], &projection, NULL, products};
        gather(&p.jobs[p.job_count++], p.kernels, tokens, vocabulary);
        products += punica_segment_rows(&segments[i]) * segments[i].rank;
    }
    punica_low_rank_list(&p);
    punica_low_rank_expand(pool, &p);
    punica_scratch_release(pool, scratch);
}
