#pragma once

// Seen by two compilers: NVRTC, to which an address is a pointer, and the host's, to which it is a number.
#ifdef __CUDACC__
#define DEVICE_POINTER(type) type *
typedef int int32_t;
typedef unsigned int uint32_t;
typedef long long int64_t;
typedef unsigned long long uint64_t;
#else
#include <stdint.h>
#define DEVICE_POINTER(type) uint64_t
#endif
