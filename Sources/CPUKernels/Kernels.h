// What an instruction set has to offer: one table per set, all tables with the same meaning.
#ifndef PUNICA_KERNELS_H
#define PUNICA_KERNELS_H

#include "CPUKernels.h"

/// Rows of x that one register tile takes; panels are packed in groups of this many rows.
enum { punica_tile_rows = 4 };

/// Positions that attention folds in at once; blocks begin at multiples of this, so a row's order is its own.
enum { punica_attention_block = 64 };

/// Products of every row of a packed panel with consecutive rows of w.
typedef struct punica_dot_block {
    const float *panel;    ///< packed [m, k] of `type`, see `pack`
    ptrdiff_t m;           ///< rows of the panel, >= 1
    const void *w;         ///< [n, k] of `type`, rows `ldw` elements apart
    ptrdiff_t ldw;
    punica_scalar type;
    ptrdiff_t n;
    ptrdiff_t k;
    float *out;            ///< [m, ldo]
    ptrdiff_t ldo;
    ptrdiff_t n_group;     ///< rows of w that all rows of the panel visit before the next ones are touched
    ptrdiff_t k_block;     ///< columns of a group done at a time (a multiple of the step), or 0 for all
    float *wide;           ///< room for n_group rows of a k_block as floats, if w is to be widened once only; or null
    float *partial;        ///< m * n_group * lanes floats when k_block is set
    bool prefetch;         ///< w comes from memory once, in ascending order
} punica_dot_block;

/// A run of rows of one sequence against one key/value head.
typedef struct punica_attend {
    const punica_attention_batch *batch;
    ptrdiff_t sequence;
    ptrdiff_t row_begin;
    ptrdiff_t row_end;
    ptrdiff_t kv_head;
    float *scratch;        ///< attend_scratch(batch, rows) floats, aligned to 64 bytes
} punica_attend;

typedef struct punica_kernels {
    const char *name;
    /// Floats in a vector; a step of a dot product is two vectors.
    ptrdiff_t lanes;
    /// Copies rows of x into groups of punica_tile_rows, step by step, padded with zeros to whole steps, in the
    /// order in which weights of `type` come out of a register.
    void (*pack)(float *panel, const float *x, ptrdiff_t ldx, ptrdiff_t rows, ptrdiff_t k, punica_scalar type);
    void (*dot_block)(const punica_dot_block *block);
    ptrdiff_t (*attend_scratch)(const punica_attention_batch *batch, ptrdiff_t rows);
    void (*attend)(const punica_attend *task);
    void (*to_float)(float *target, const void *source, punica_scalar type, ptrdiff_t count);
    void (*rms_norm)(float *y, const float *x, const float *weight, ptrdiff_t count, float epsilon);
    void (*silu_mul)(float *out, const float *gate, const float *up, ptrdiff_t count);
} punica_kernels;

/// The table in use.
const punica_kernels *punica_kernels_selected(void);

extern const punica_kernels punica_portable_kernels;
#if defined(__x86_64__)
extern const punica_kernels punica_avx2_kernels;
extern const punica_kernels punica_avx512_kernels;
#endif

static inline ptrdiff_t punica_round_up(ptrdiff_t value, ptrdiff_t multiple) {
    return (value + multiple - 1) / multiple * multiple;
}

static inline ptrdiff_t punica_min(ptrdiff_t a, ptrdiff_t b) { return a < b ? a : b; }

static inline ptrdiff_t punica_max(ptrdiff_t a, ptrdiff_t b) { return a > b ? a : b; }

/// Bytes of one element.
static inline ptrdiff_t punica_scalar_size(punica_scalar type) { return type == punica_scalar_float32 ? 4 : 2; }

/// Floats of a packed panel.
static inline ptrdiff_t punica_panel_count(const punica_kernels *kernels, ptrdiff_t rows, ptrdiff_t k) {
    return rows * punica_round_up(k, 2 * kernels->lanes);
}

#endif
