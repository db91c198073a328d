#include "Kernels.h"

void punica_to_float(float *target, const void *source, punica_scalar type, ptrdiff_t count) {
    punica_kernels_selected()->to_float(target, source, type, count);
}
