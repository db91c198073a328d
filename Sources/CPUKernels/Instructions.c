#include <string.h>

#include "Kernels.h"

#if defined(__x86_64__)
#include <cpuid.h>

/// The operating system's word that it saves the registers named by `mask`.
static bool saves_registers(uint64_t mask) {
    uint32_t low, high;
    __asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
    return ((((uint64_t)high << 32) | low) & mask) == mask;
}

static bool has_bits(uint32_t word, uint32_t bits) { return (word & bits) == bits; }

static bool has_avx2(void) {
    const uint32_t fma = 1u << 12, osxsave = 1u << 27, avx = 1u << 28, f16c = 1u << 29, avx2 = 1u << 5;
    uint32_t a, b, c, d;
    if (!__get_cpuid(1, &a, &b, &c, &d) || !has_bits(c, fma | osxsave | avx | f16c)) return false;
    if (!saves_registers(0x6)) return false;
    return __get_cpuid_count(7, 0, &a, &b, &c, &d) && has_bits(b, avx2);
}

static bool has_avx512(void) {
    const uint32_t foundation = 1u << 16, bytes_words = 1u << 30;
    uint32_t a, b, c, d;
    if (!has_avx2() || !saves_registers(0xe6)) return false;
    return __get_cpuid_count(7, 0, &a, &b, &c, &d) && has_bits(b, foundation | bytes_words);
}
#endif

static const punica_kernels *widest(void) {
#if defined(__x86_64__)
    if (has_avx512()) return &punica_avx512_kernels;
    if (has_avx2()) return &punica_avx2_kernels;
#endif
    return &punica_portable_kernels;
}

static const punica_kernels *find(const char *name) {
    if (strcmp(name, "auto") == 0) return widest();
    if (strcmp(name, "portable") == 0) return &punica_portable_kernels;
#if defined(__x86_64__)
    if (strcmp(name, "avx2") == 0 && has_avx2()) return &punica_avx2_kernels;
    if (strcmp(name, "avx512") == 0 && has_avx512()) return &punica_avx512_kernels;
#endif
    return NULL;
}

// Each thread's own: a thread that compares instruction sets must not change the bits of another's results.
static _Thread_local const punica_kernels *selected;

const punica_kernels *punica_kernels_selected(void) {
    if (!selected) selected = widest();
    return selected;
}

bool punica_cpu_select(const char *name) {
    const punica_kernels *kernels = find(name);
    if (!kernels) return false;
    selected = kernels;
    return true;
}

const char *punica_cpu_selected(void) { return punica_kernels_selected()->name; }
