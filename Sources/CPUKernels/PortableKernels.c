#include "Includes.h"

#define NAME "portable"
#define TABLE punica_portable_kernels
#define LANES 4
#if defined(__aarch64__)
#define FUSED 1
#else
#define FUSED 0
#endif
#include "Vector.h"

typedef uint16_t words4 __attribute__((vector_size(8), aligned(1), may_alias));
typedef uint32_t bits4 __attribute__((vector_size(16)));

/// Four halves as floats: the exponent is moved by a product, which also makes subnormals right.
INLINE vector halves_to_float(bits4 half) {
    const vector magnitude = (vector)((half & 0x7fff) << 13) * 0x1p112f;
    const bits4 special = (bits4)((half & 0x7c00) == 0x7c00) & 0x7f800000u;
    return (vector)((bits4)magnitude | special | (half & 0x8000) << 16);
}

INLINE vector load_half(const char *p) {
    return halves_to_float(__builtin_convertvector(*(const words4 *)p, bits4));
}

INLINE void split_halves(loose_bits words, vector *first, vector *second) {
    char buffer[2 * STEP];
    memcpy(buffer, &words, sizeof(buffer));
    *first = load_half(buffer);
    *second = load_half(buffer + 2 * LANES);
}

/// The first `count` <= LANES floats at p, zeros after them; nothing after them is read.
INLINE vector load_first(const float *p, ptrdiff_t count) {
    float buffer[LANES] = {0};
    memcpy(buffer, p, (size_t)count * sizeof(float));
    return load(buffer);
}

INLINE void store_first(float *p, vector v, ptrdiff_t count) {
    float buffer[LANES];
    store(buffer, v);
    memcpy(p, buffer, (size_t)count * sizeof(float));
}

/// The first `count` < STEP 16-bit words at p, zeros after them; nothing after them is read.
INLINE loose_bits load_words(const char *p, ptrdiff_t count) {
    uint16_t buffer[STEP] = {0};
    memcpy(buffer, p, (size_t)count * 2);
    return *(const loose_bits *)buffer;
}

#include "KernelTable.h"
