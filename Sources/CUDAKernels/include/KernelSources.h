#pragma once

#include <stddef.h>

/// A file of kernels or a header of theirs, as text in this program.
typedef struct {
    /// Its path under this target; an `#include` says only the last part.
    const char *_Nonnull path;
    /// Ends with a zero.
    const char *_Nonnull text;
} KernelText;

extern const KernelText *const _Nonnull kernelTexts;
extern const size_t kernelTextCount;
