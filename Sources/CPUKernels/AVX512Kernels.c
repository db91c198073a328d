#if defined(__x86_64__)
#include <immintrin.h>

#include "Includes.h"

#pragma clang attribute push(__attribute__((target("avx512f,avx512bw,avx2,fma,f16c"))), apply_to = function)

#define NAME "avx512"
#define TABLE punica_avx512_kernels
#define LANES 16
#define FUSED 1
#include "Vector.h"

INLINE vector load_half(const char *p) { return (vector)_mm512_cvtph_ps(_mm256_loadu_si256((const __m256i_u *)p)); }

INLINE void split_halves(loose_bits words, vector *first, vector *second) {
    *first = (vector)_mm512_cvtph_ps(_mm512_castsi512_si256((__m512i)words));
    *second = (vector)_mm512_cvtph_ps(_mm512_extracti64x4_epi64((__m512i)words, 1));
}

INLINE __mmask16 first_lanes(ptrdiff_t count) { return (__mmask16)((1u << count) - 1); }

/// The first `count` <= LANES floats at p, zeros after them; nothing after them is read.
INLINE vector load_first(const float *p, ptrdiff_t count) {
    return (vector)_mm512_maskz_loadu_ps(first_lanes(count), p);
}

INLINE void store_first(float *p, vector v, ptrdiff_t count) {
    _mm512_mask_storeu_ps(p, first_lanes(count), (__m512)v);
}

/// The first `count` < STEP 16-bit words at p, zeros after them; nothing after them is read.
INLINE loose_bits load_words(const char *p, ptrdiff_t count) {
    return (loose_bits)_mm512_maskz_loadu_epi16((__mmask32)((1u << count) - 1), p);
}

#include "KernelTable.h"

#pragma clang attribute pop
#endif
