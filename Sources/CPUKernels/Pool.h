// What the drivers of this library see of a pool.
#ifndef PUNICA_POOL_H
#define PUNICA_POOL_H

#include "Kernels.h"

/// At least `bytes` of memory aligned to 64, valid until the next call with the same pool; contents undefined.
/// Kept by the pool for the next call, or with a null pool allocated; give it back with punica_scratch_release.
void *punica_scratch(punica_pool *pool, size_t bytes);

/// Ends the use of punica_scratch's memory.
void punica_scratch_release(punica_pool *pool, void *memory);

/// Packs rows of x, in parallel when that pays; see punica_kernels.pack.
void punica_pack(punica_pool *pool, float *panel, const float *x, ptrdiff_t ldx, ptrdiff_t rows, ptrdiff_t k,
                 punica_scalar type);

/// Parallel over rows when there are enough elements to be worth waking threads; otherwise on the caller.
void punica_for_rows(punica_pool *pool, ptrdiff_t rows, ptrdiff_t columns, punica_task body, void *context);

#endif
