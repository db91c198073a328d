// The operations of a decoder-only transformer on the CPU, with low-rank adapters as a per-row choice.
//
// Letters in the comments: T rows (tokens) of a batch, E hidden size, N outputs, K inputs, F feed-forward size,
// H query heads, G key/value heads, D head size, P positions per page, R rank, V vocabulary size.
//
// Rules that hold for every function here:
//  * Activations are float. Weights and adapters are float, half or bfloat16, row-major [N, K] (Hugging Face layout),
//    used where they lie; they need no alignment.
//  * `ld...` are distances between rows in elements, never less than the row's length.
//  * A row of output depends on that row of input only: bit for bit the same whatever the other rows of the batch are,
//    however many threads the pool has, and however a prompt is cut into chunks. The instruction set may change bits.
//  * Nothing is checked but what an assertion can check: sizes and pointers are the caller's promise.
//  * One caller at a time per pool. A null pool means: on the calling thread only (where "nullable" is said).
#ifndef PUNICA_CPU_KERNELS_H
#define PUNICA_CPU_KERNELS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/// Storage type of a weight or adapter tensor.
typedef enum __attribute__((enum_extensibility(closed))) punica_scalar : int32_t {
    punica_scalar_float32 = 0,
    punica_scalar_float16 = 1,
    punica_scalar_bfloat16 = 2,
} punica_scalar;

/// Converts `count` elements of `type` at `source` to float. Exact; NaN stays NaN.
void punica_to_float(float *target, const void *source, punica_scalar type, ptrdiff_t count);

/// Chooses the instruction set for the calling thread's later calls: "portable", "avx2", "avx512", or "auto" for the
/// widest here, which is also what a thread uses that never chose. A parallel loop runs with its caller's choice.
/// Returns false, changing nothing, if the name is unknown or this machine lacks it.
bool punica_cpu_select(const char *name);

/// Name of the instruction set that the calling thread uses: "portable", "avx2" or "avx512". Static storage.
const char *punica_cpu_selected(void);

/// A fixed set of threads that run one parallel loop at a time together with the caller; also owns scratch memory.
typedef struct punica_pool punica_pool;

/// Body of a parallel loop: does tasks [begin, end). `thread` is in 0..<threads, 0 being the caller.
typedef void (*punica_task)(void *context, ptrdiff_t begin, ptrdiff_t end, int32_t thread);

/// Makes a pool of `threads` (1...1024) including the caller. Null if threads or memory cannot be had.
/// More threads than cores is allowed. Release it with punica_pool_destroy.
punica_pool *punica_pool_create(int32_t threads);

/// Joins the threads and frees the pool. No loop may be running. Null is allowed.
void punica_pool_destroy(punica_pool *pool);

/// Threads that take part in a loop, the caller included; 1 for null.
int32_t punica_pool_threads(const punica_pool *pool);

/// Runs tasks 0..<count in pieces of at most `grain` (>= 1), handed out in ascending order to whoever is free.
/// Returns when all have finished. Not reentrant: a body must not start a loop on the same pool. Pool nullable.
void punica_parallel_for(punica_pool *pool, ptrdiff_t count, ptrdiff_t grain, punica_task body, void *context);

/// y[m, n] = sum over k of x[m, k] * w[n, k].
/// y [M, ldy], x [M, ldx], w [N, K] of `type`; M, N, K >= 0. y must not overlap x. Pool nullable.
void punica_matmul(punica_pool *pool, float *y, ptrdiff_t ldy, const float *x, ptrdiff_t ldx, const void *w,
                   punica_scalar type, ptrdiff_t m, ptrdiff_t n, ptrdiff_t k);

/// Consecutive rows of a batch that share one adapter on one projection.
typedef struct punica_segment {
    int32_t row_start;          ///< first row
    int32_t row_end;            ///< one past the last row; an empty segment is allowed
    int32_t rank;               ///< R, 1...512, exact: nothing is padded
    float scale;                ///< alpha / R or what stands for it
    const void *a;              ///< [R, K]; for punica_embed_lora [R, V]
    const void *b;              ///< [N, R]
    punica_scalar a_type;
    punica_scalar b_type;
    const float *column_scale;  ///< [N] or null (DoRA: magnitude over norm)
} punica_segment;

/// One projection of a group that shares its input.
typedef struct punica_lora_projection {
    float *y;                        ///< row 0 at this projection's first output; may be columns of a wider row
    ptrdiff_t ldy;
    ptrdiff_t outputs;               ///< N
    const punica_segment *segments;  ///< disjoint in rows, any order
    ptrdiff_t segment_count;
} punica_lora_projection;

/// For every projection, segment and row t of it: y[t] = (y[t] + scale * B * (A * x[t])) * (column_scale or 1).
/// Rows in no segment are not touched. x [T, ldx] has `inputs` = K columns and must not overlap any y; the y of
/// different projections must not overlap. Two parallel regions for the whole group. A bias belongs after this
/// call when there is a column scale (punica_add_bias). Pool nullable.
void punica_sgmv(punica_pool *pool, const punica_lora_projection *projections, ptrdiff_t projection_count,
                 const float *x, ptrdiff_t ldx, ptrdiff_t inputs);

/// For every segment and row t of it: y[t] = (y[t] + scale * B * A[:, tokens[t]]) * (column_scale or 1).
/// y [T, ldy] with E columns, tokens [T] each in 0..<V, A [R, V], B [E, R]. Pool nullable.
void punica_embed_lora(punica_pool *pool, float *y, ptrdiff_t ldy, const int32_t *tokens,
                       const punica_segment *segments, ptrdiff_t segment_count, ptrdiff_t hidden,
                       ptrdiff_t vocabulary);

/// y[t, :] = table[tokens[t], :] as float. y [T, ldy], table [V, E] of `type`, tokens [T] in 0..<V. Pool nullable.
void punica_embed(punica_pool *pool, float *y, ptrdiff_t ldy, const void *table, punica_scalar type,
                  const int32_t *tokens, ptrdiff_t rows, ptrdiff_t hidden);

/// y[t, :] = x[t, :] / sqrt(mean(x[t, :]^2) + epsilon) * weight. weight [E] float. y may be x. Pool nullable.
void punica_rms_norm(punica_pool *pool, float *y, ptrdiff_t ldy, const float *x, ptrdiff_t ldx, const float *weight,
                     ptrdiff_t rows, ptrdiff_t hidden, float epsilon);

/// punica_rms_norm of every head of every row in place: x[t, h * D ..< (h + 1) * D]. weight [D]. Pool nullable.
void punica_rms_norm_heads(punica_pool *pool, float *x, ptrdiff_t ldx, const float *weight, ptrdiff_t rows,
                           ptrdiff_t heads, ptrdiff_t head_size, float epsilon);

/// x[t, :] += y[t, :], `columns` of each row. Pool nullable.
void punica_add(punica_pool *pool, float *x, ptrdiff_t ldx, const float *y, ptrdiff_t ldy, ptrdiff_t rows,
                ptrdiff_t columns);

/// y[t, :] += bias[:]. bias [columns]. Pool nullable.
void punica_add_bias(punica_pool *pool, float *y, ptrdiff_t ldy, const float *bias, ptrdiff_t rows,
                     ptrdiff_t columns);

/// Rotates every head of every row in place as Hugging Face does: element i < D/2 pairs with i + D/2.
/// x [T, ldx] with heads * D columns, D even; positions [T]; cosine and sine [positions, D/2]. Pool nullable.
void punica_rope(punica_pool *pool, float *x, ptrdiff_t ldx, ptrdiff_t rows, ptrdiff_t heads, ptrdiff_t head_size,
                 const int32_t *positions, const float *cosine, const float *sine);

/// out[t, i] = silu(gate_up[t, i]) * gate_up[t, F + i], i in 0..<F. out may not overlap gate_up. Pool nullable.
void punica_silu_mul(punica_pool *pool, float *out, ptrdiff_t ldout, const float *gate_up, ptrdiff_t ldg,
                     ptrdiff_t rows, ptrdiff_t feed_forward);

/// Writes k and v of every row to its place: kv_positions[t] = page * P + offset. k, v [T, ld] with G * D columns;
/// caches [pages, G, P, D]; two rows never share a place. Pool nullable.
void punica_kv_append(punica_pool *pool, float *k_cache, float *v_cache, const float *k, ptrdiff_t ldk,
                      const float *v, ptrdiff_t ldv, const int32_t *kv_positions, ptrdiff_t rows,
                      ptrdiff_t kv_heads, ptrdiff_t head_size, ptrdiff_t page_size);

/// Causal attention of a batch of sequences over a paged cache that already holds these rows' keys and values.
typedef struct punica_attention_batch {
    const float *q;                  ///< [T, ldq], H * D columns
    ptrdiff_t ldq;
    float *out;                      ///< [T, ldout], H * D columns; must not overlap q
    ptrdiff_t ldout;
    const float *k_cache;            ///< [pages, G, P, D]
    const float *v_cache;            ///< [pages, G, P, D]
    int32_t heads;                   ///< H, a multiple of kv_heads
    int32_t kv_heads;                ///< G
    int32_t head_size;               ///< D, 1...1024
    int32_t page_size;               ///< P
    float scale;                     ///< usually 1 / sqrt(D)
    int32_t window;                  ///< 0: a query at p sees 0...p; else (p - window, p]
    int32_t sequences;               ///< B
    const int32_t *sequence_starts;  ///< [B + 1], rows of sequence b are starts[b] ..< starts[b + 1]
    const int32_t *positions;        ///< [T] position of each row in its sequence, 0 and up
    const int32_t *page_starts;      ///< [B + 1], pages of sequence b are page_indices[starts[b] ..< starts[b + 1]]
    const int32_t *page_indices;     ///< position j lies in page page_indices[page_starts[b] + j / P], at j % P
} punica_attention_batch;

/// out[t, h] = softmax(scale * q[t, h] . k[visible]) v[visible]. Cells of the cache that no query sees may hold
/// anything, NaN included. Pool nullable.
void punica_attention(punica_pool *pool, const punica_attention_batch *batch);

#ifdef __cplusplus
}
#endif

#endif
