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

/// The last lanes of a row, with `filler` where the row has ended.
INLINE vector load_filled(const float *p, ptrdiff_t count, float filler) {
    float buffer[LANES];
    for (int i = 0; i < LANES; i++) buffer[i] = i < count ? p[i] : filler;
    return load(buffer);
}

static float maximum(const float *x, ptrdiff_t count) {
    vector best[4];
    for (int j = 0; j < 4; j++) best[j] = splat(-INFINITY);
    ptrdiff_t i = 0;
    for (; i + 4 * LANES <= count; i += 4 * LANES) {
#pragma clang loop unroll(full)
        for (int j = 0; j < 4; j++) {
            const vector v = load(x + i + j * LANES);
            best[j] = choose(v > best[j], v, best[j]);
        }
    }
    for (; i < count; i += LANES) {
        const vector v = count - i < LANES ? load_filled(x + i, count - i, -INFINITY) : load(x + i);
        best[0] = choose(v > best[0], v, best[0]);
    }
    for (int j = 1; j < 4; j++) best[0] = choose(best[j] > best[0], best[j], best[0]);
    return largest(best[0]);
}

INLINE vector exp_or_zero(vector v, float shift) {
    const vector e = exponential(v - splat(shift));
    return choose(v == v, e, splat(0.0f));
}

static double sum_exp(const float *x, ptrdiff_t count, float shift) {
    double total = 0;
    // Short runs in float, their sums in double: a vocabulary is long enough to lose digits otherwise.
    for (ptrdiff_t begin = 0; begin < count; begin += 64 * LANES) {
        const ptrdiff_t end = punica_min(begin + 64 * LANES, count);
        vector run = {0};
        ptrdiff_t i = begin;
        for (; i + LANES <= end; i += LANES) run += exp_or_zero(load(x + i), shift);
        if (i < end) run += exp_or_zero(load_filled(x + i, end - i, -INFINITY), shift);
        total += (double)sum(run);
    }
    return total;
}

static void exp_shifted(float *y, const float *x, ptrdiff_t count, float shift) {
    ptrdiff_t i = 0;
    for (; i + LANES <= count; i += LANES) store(y + i, exp_or_zero(load(x + i), shift));
    if (i < count) store_first(y + i, exp_or_zero(load_first(x + i, count - i), shift), count - i);
}

static void add_rows(float *y, const float *rows, ptrdiff_t ld, const float *coefficients, ptrdiff_t row_count,
                     ptrdiff_t count) {
    for (ptrdiff_t r = 0; r < row_count; r++) {
        const vector c = splat(coefficients[r]);
        const float *row = rows + r * ld;
        ptrdiff_t i = 0;
        for (; i + LANES <= count; i += LANES) store(y + i, fused(c, load(row + i), load(y + i)));
        if (i == count) continue;
        const vector tail = fused(c, load_first(row + i, count - i), load_first(y + i, count - i));
        store_first(y + i, tail, count - i);
    }
}
