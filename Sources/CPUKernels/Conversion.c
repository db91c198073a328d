#include <string.h>

#include "Kernels.h"

static uint32_t bits_of(float value) {
    uint32_t bits;
    memcpy(&bits, &value, sizeof(bits));
    return bits;
}

static float float_of(uint32_t bits) {
    float value;
    memcpy(&value, &bits, sizeof(value));
    return value;
}

static uint16_t to_bfloat16(float value) {
    const uint32_t bits = bits_of(value);
    // Rounding a NaN could carry into the exponent and make it infinite: keep it, quiet.
    if ((bits & 0x7fffffff) > 0x7f800000) return (uint16_t)(bits >> 16 | 0x40);
    return (uint16_t)((bits + 0x7fff + (bits >> 16 & 1)) >> 16);
}

static uint16_t to_float16(float value) {
    const uint32_t bits = bits_of(value), sign = bits >> 16 & 0x8000, magnitude = bits & 0x7fffffff;
    if (magnitude > 0x7f800000) return (uint16_t)(sign | 0x7e00 | (magnitude >> 13 & 0x1ff));
    if (magnitude >= 0x477ff000) return (uint16_t)(sign | 0x7c00);
    if (magnitude < 0x38800000) {
        // Below the smallest normal half: adding 0.5 puts the half's last place at the float's, which rounds it.
        return (uint16_t)(sign | (bits_of(float_of(magnitude) + 0.5f) - bits_of(0.5f)));
    }
    const uint32_t rounded = magnitude + 0xfff + (magnitude >> 13 & 1);
    return (uint16_t)(sign | ((rounded - (112u << 23)) >> 13));
}

void punica_to_float(float *target, const void *source, punica_scalar type, ptrdiff_t count) {
    punica_kernels_selected()->to_float(target, source, type, count);
}

void punica_from_float(void *target, const float *source, punica_scalar type, ptrdiff_t count) {
    uint16_t *words = target;
    switch (type) {
    case punica_scalar_float32:
        memcpy(target, source, (size_t)count * sizeof(float));
        break;
    case punica_scalar_float16:
        for (ptrdiff_t i = 0; i < count; i++) words[i] = to_float16(source[i]);
        break;
    case punica_scalar_bfloat16:
        for (ptrdiff_t i = 0; i < count; i++) words[i] = to_bfloat16(source[i]);
        break;
    }
}
