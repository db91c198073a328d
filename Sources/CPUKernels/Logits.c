#include <math.h>
#include <string.h>

#include "Kernels.h"

float punica_maximum(const float *x, ptrdiff_t count) { return punica_kernels_selected()->maximum(x, count); }

ptrdiff_t punica_argmax(const float *x, ptrdiff_t count) {
    const float best = punica_maximum(x, count);
    for (ptrdiff_t i = 0; i < count; i++)
        if (x[i] == best) return i;
    return 0;
}

/// Number of values equal to plus infinity; exp cannot weigh them against each other.
static ptrdiff_t count_infinite(const float *x, ptrdiff_t count) {
    ptrdiff_t total = 0;
    for (ptrdiff_t i = 0; i < count; i++) total += x[i] == INFINITY;
    return total;
}

double punica_log_sum_exp(const float *x, ptrdiff_t count) {
    const float highest = punica_maximum(x, count);
    if (isinf(highest)) return (double)highest;
    return (double)highest + log(punica_kernels_selected()->sum_exp(x, count, highest));
}

void punica_softmax(float *y, const float *x, ptrdiff_t count) {
    const float highest = punica_maximum(x, count);
    if (highest == -INFINITY) {
        memset(y, 0, (size_t)count * sizeof(float));
    } else if (highest == INFINITY) {
        const float share = 1.0f / (float)count_infinite(x, count);
        for (ptrdiff_t i = 0; i < count; i++) y[i] = x[i] == INFINITY ? share : 0;
    } else {
        const punica_kernels *kernels = punica_kernels_selected();
        const double total = kernels->sum_exp(x, count, highest);
        kernels->exp_shifted(y, x, count, highest);
        punica_scale(y, count, (float)(1.0 / total));
    }
}

void punica_scale(float *x, ptrdiff_t count, float factor) {
    for (ptrdiff_t i = 0; i < count; i++) x[i] *= factor;
}
