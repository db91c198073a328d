// Kernels over one row. Elementwise ones give the same bits for an element wherever in the row it stands; sums run
// in an order fixed by the row's length.

static void to_float(float *target, const void *source, punica_scalar type, ptrdiff_t count) {
    if (type == punica_scalar_float32) {
        memcpy(target, source, (size_t)count * sizeof(float));
        return;
    }
    const char *p = source;
    ptrdiff_t i = 0;
    if (type == punica_scalar_float16)
        for (; i + LANES <= count; i += LANES) store(target + i, load_half(p + 2 * i));
    for (; i < count; i += STEP) {
        const ptrdiff_t left = punica_min(count - i, STEP);
        const loose_bits raw = left == STEP ? *(const loose_bits *)(p + 2 * i) : load_words(p + 2 * i, left);
        vector first, second;
        if (type == punica_scalar_float16) {
            split_halves(raw, &first, &second);
        } else {
            const vector even = (vector)(raw << 16), odd = (vector)(raw & 0xffff0000u);
            first = low_mixed(even, odd);
            second = high_mixed(even, odd);
        }
        store_first(target + i, first, punica_min(left, LANES));
        if (left > LANES) store_first(target + i + LANES, second, left - LANES);
    }
}

static void rms_norm(float *y, const float *x, const float *weight, ptrdiff_t count, float epsilon) {
    vector squares[4] = {0};
    ptrdiff_t i = 0;
    for (; i + 4 * LANES <= count; i += 4 * LANES) {
#pragma clang loop unroll(full)
        for (int j = 0; j < 4; j++) {
            const vector v = load(x + i + j * LANES);
            squares[j] = fused(v, v, squares[j]);
        }
    }
    for (; i < count; i += LANES) {
        const vector v = load_first(x + i, punica_min(count - i, LANES));
        squares[0] = fused(v, v, squares[0]);
    }
    const float total = sum((squares[0] + squares[1]) + (squares[2] + squares[3]));
    const float factor = 1.0f / sqrtf(total / (float)count + epsilon);
    for (i = 0; i + LANES <= count; i += LANES) store(y + i, load(x + i) * factor * load(weight + i));
    for (; i < count; i++) y[i] = x[i] * factor * weight[i];
}

INLINE vector silu_times(vector gate, vector up) { return gate / (exponential(-gate) + 1.0f) * up; }

static void silu_mul(float *out, const float *gate, const float *up, ptrdiff_t count) {
    ptrdiff_t i = 0;
    for (; i + LANES <= count; i += LANES) store(out + i, silu_times(load(gate + i), load(up + i)));
    if (i == count) return;
    const vector tail = silu_times(load_first(gate + i, count - i), load_first(up + i, count - i));
    store_first(out + i, tail, count - i);
}
