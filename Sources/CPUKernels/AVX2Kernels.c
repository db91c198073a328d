#if defined(__x86_64__)
#include <immintrin.h>

#include "Includes.h"

#pragma clang attribute push(__attribute__((target("avx2,fma,f16c"))), apply_to = function)

#define NAME "avx2"
#define TABLE punica_avx2_kernels
#define LANES 8
#define FUSED 1
#include "Vector.h"

INLINE vector load_half(const char *p) { return (vector)_mm256_cvtph_ps(_mm_loadu_si128((const __m128i_u *)p)); }

INLINE void split_halves(loose_bits words, vector *first, vector *second) {
    *first = (vector)_mm256_cvtph_ps(_mm256_castsi256_si128((__m256i)words));
    *second = (vector)_mm256_cvtph_ps(_mm256_extracti128_si256((__m256i)words, 1));
}

INLINE __m256i first_lanes(ptrdiff_t count) {
    return _mm256_cmpgt_epi32(_mm256_set1_epi32((int)count), _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7));
}

/// The first `count` <= LANES floats at p, zeros after them; nothing after them is read.
INLINE vector load_first(const float *p, ptrdiff_t count) {
    return (vector)_mm256_maskload_ps(p, first_lanes(count));
}

INLINE void store_first(float *p, vector v, ptrdiff_t count) {
    _mm256_maskstore_ps(p, first_lanes(count), (__m256)v);
}

/// The first `count` < STEP 16-bit words at p, zeros after them; nothing after them is read.
INLINE loose_bits load_words(const char *p, ptrdiff_t count) {
    const __m256i pairs = _mm256_maskload_epi32((const int *)p, first_lanes(count / 2));
    if (count % 2 == 0) return (loose_bits)pairs;
    uint16_t word;
    memcpy(&word, p + 2 * (count - 1), sizeof(word));
    const __m256i place = _mm256_xor_si256(first_lanes(count / 2 + 1), first_lanes(count / 2));
    return (loose_bits)_mm256_or_si256(pairs, _mm256_and_si256(place, _mm256_set1_epi32(word)));
}

#include "KernelTable.h"

#pragma clang attribute pop
#endif
