// Headers that must be read before a file switches its instruction set on.
#include <math.h>
#include <string.h>

#include "Kernels.h"

// Without vector registers a compiler may decline to unroll; that is slow, not wrong.
#pragma clang diagnostic ignored "-Wpass-failed"
