// Vectors of LANES floats. Included once per instruction set, which defines LANES and FUSED (whether a product is
// fused into its sum) and afterwards the loads that need instructions of its own.

// Sums are fused where `fused` says so and nowhere else, or bits would depend on how a loop was compiled.
#pragma STDC FP_CONTRACT OFF

#define STEP (2 * LANES)
#define INLINE static inline __attribute__((always_inline))

typedef float vector __attribute__((vector_size(LANES * 4)));
typedef int32_t integers __attribute__((vector_size(LANES * 4)));
typedef float loose_vector __attribute__((vector_size(LANES * 4), aligned(1), may_alias));
typedef uint32_t loose_bits __attribute__((vector_size(LANES * 4), aligned(1), may_alias));
typedef float vector4 __attribute__((vector_size(16)));
typedef float loose_vector4 __attribute__((vector_size(16), aligned(1), may_alias));
#if LANES >= 8
typedef float vector8 __attribute__((vector_size(32)));
#endif

INLINE vector load(const float *p) { return *(const loose_vector *)p; }

INLINE void store(float *p, vector v) { *(loose_vector *)p = v; }

INLINE vector splat(float value) { return value - (vector){0}; }

INLINE vector fused(vector a, vector b, vector sum) {
#if FUSED
    return __builtin_elementwise_fma(a, b, sum);
#else
    return a * b + sum;
#endif
}

INLINE vector choose(integers mask, vector yes, vector no) {
    return (vector)(((integers)yes & mask) | ((integers)no & ~mask));
}

#if LANES == 16
#define EVEN 0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30
#define ODD 1, 3, 5, 7, 9, 11, 13, 15, 17, 19, 21, 23, 25, 27, 29, 31
#define LOW 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23
#define HIGH 8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31
#elif LANES == 8
#define EVEN 0, 2, 4, 6, 8, 10, 12, 14
#define ODD 1, 3, 5, 7, 9, 11, 13, 15
#define LOW 0, 8, 1, 9, 2, 10, 3, 11
#define HIGH 4, 12, 5, 13, 6, 14, 7, 15
#else
#define EVEN 0, 2, 4, 6
#define ODD 1, 3, 5, 7
#define LOW 0, 4, 1, 5
#define HIGH 2, 6, 3, 7
#endif

INLINE vector even_lanes(vector a, vector b) { return __builtin_shufflevector(a, b, EVEN); }

INLINE vector odd_lanes(vector a, vector b) { return __builtin_shufflevector(a, b, ODD); }

INLINE vector low_mixed(vector even, vector odd) { return __builtin_shufflevector(even, odd, LOW); }

INLINE vector high_mixed(vector even, vector odd) { return __builtin_shufflevector(even, odd, HIGH); }

/// Lanes folded to four by halves: the first part of the one order in which lanes are ever summed.
INLINE vector4 fold(vector v) {
#if LANES == 16
    const vector8 half = __builtin_shufflevector(v, v, 0, 1, 2, 3, 4, 5, 6, 7)
        + __builtin_shufflevector(v, v, 8, 9, 10, 11, 12, 13, 14, 15);
    return __builtin_shufflevector(half, half, 0, 1, 2, 3) + __builtin_shufflevector(half, half, 4, 5, 6, 7);
#elif LANES == 8
    return __builtin_shufflevector(v, v, 0, 1, 2, 3) + __builtin_shufflevector(v, v, 4, 5, 6, 7);
#else
    return v;
#endif
}

/// Sums of four vectors, each (l0 + l2) + (l1 + l3) of its fold: bit for bit what `sum` gives for each.
INLINE vector4 sum_four(vector a, vector b, vector c, vector d) {
    const vector4 fa = fold(a), fb = fold(b), fc = fold(c), fd = fold(d);
    const vector4 ab = __builtin_shufflevector(fa, fb, 0, 4, 1, 5) + __builtin_shufflevector(fa, fb, 2, 6, 3, 7);
    const vector4 cd = __builtin_shufflevector(fc, fd, 0, 4, 1, 5) + __builtin_shufflevector(fc, fd, 2, 6, 3, 7);
    return __builtin_shufflevector(ab, cd, 0, 1, 4, 5) + __builtin_shufflevector(ab, cd, 2, 3, 6, 7);
}

INLINE float sum(vector v) {
    const vector4 four = fold(v);
    return (four[0] + four[2]) + (four[1] + four[3]);
}

INLINE float largest(vector v) {
    float best = v[0];
    for (int lane = 1; lane < LANES; lane++) best = v[lane] > best ? v[lane] : best;
    return best;
}

/// exp(x) within 2e-7 of itself; below the smallest normal number 0, above the largest infinity, NaN for NaN.
INLINE vector exponential(vector x) {
    const float to_integer = 12582912.0f;  // 1.5 * 2^23: adding it rounds to the nearest integer
    const vector shifted = fused(x, splat(1.44269504088896341f), splat(to_integer));
    const vector whole = shifted - splat(to_integer);
    const integers power = (integers)shifted - (integers)splat(to_integer);
    const vector r = fused(whole, splat(2.12194440e-4f), fused(whole, splat(-0.693359375f), x));
    vector p = splat(1.9875691500e-4f);
    p = fused(p, r, splat(1.3981999507e-3f));
    p = fused(p, r, splat(8.3334519073e-3f));
    p = fused(p, r, splat(4.1665795894e-2f));
    p = fused(p, r, splat(1.6666665459e-1f));
    p = fused(p, r, splat(5.0000001201e-1f));
    p = fused(p, r * r, r) + splat(1.0f);
    // Two factors, because 2^128 is not a float but half of it times two is.
    const integers half = power >> 1;
    const vector result = p * (vector)((half + 127) << 23) * (vector)((power - half + 127) << 23);
    const vector clipped = choose(x > splat(88.7228f), splat(INFINITY), result);
    return choose(x < splat(-87.3365f), splat(0.0f), clipped);
}
