#pragma once

// What of NVRTC's interface this package uses. CUDA/NVRTCFunctions.swift names the symbols.

#include <stddef.h>

typedef int nvrtcResult;
typedef struct _nvrtcProgram *nvrtcProgram;

enum {
    NVRTC_SUCCESS = 0,
    NVRTC_ERROR_COMPILATION = 6,
};

typedef struct {
    nvrtcResult (*_Nonnull version)(int *_Nonnull major, int *_Nonnull minor);
    const char *_Nonnull (*_Nonnull getErrorString)(nvrtcResult);
    nvrtcResult (*_Nonnull createProgram)(
        nvrtcProgram _Nullable *_Nonnull program, const char *_Nonnull source, const char *_Nullable name,
        int headerCount, const char *_Nullable const *_Nullable headers,
        const char *_Nullable const *_Nullable headerNames);
    nvrtcResult (*_Nonnull destroyProgram)(nvrtcProgram _Nullable *_Nonnull program);
    nvrtcResult (*_Nonnull compileProgram)(
        nvrtcProgram _Nonnull, int optionCount, const char *_Nullable const *_Nullable options);
    nvrtcResult (*_Nonnull getCUBINSize)(nvrtcProgram _Nonnull, size_t *_Nonnull byteCount);
    nvrtcResult (*_Nonnull getCUBIN)(nvrtcProgram _Nonnull, char *_Nonnull cubin);
    nvrtcResult (*_Nonnull getProgramLogSize)(nvrtcProgram _Nonnull, size_t *_Nonnull byteCount);
    nvrtcResult (*_Nonnull getProgramLog)(nvrtcProgram _Nonnull, char *_Nonnull log);
} NVRTCFunctions;
