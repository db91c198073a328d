#pragma once

// What of NCCL's interface this package uses. CUDA/NCCLFunctions.swift names the symbols.

#include "CUDADriver.h"

typedef int ncclResult_t;
typedef struct ncclComm *ncclComm_t;

enum {
    ncclFloat16 = 6,
    ncclFloat32 = 7,
    ncclBfloat16 = 9,
    ncclSum = 0,
};

/// Names a group of ranks that meet; made by one of them and carried to the others.
typedef struct {
    char bytes[128];
} ncclUniqueId;

typedef struct {
    ncclResult_t (*_Nonnull getVersion)(int *_Nonnull version);
    const char *_Nonnull (*_Nonnull getErrorString)(ncclResult_t);
    ncclResult_t (*_Nonnull getUniqueId)(ncclUniqueId *_Nonnull id);
    ncclResult_t (*_Nonnull commInitRank)(ncclComm_t _Nullable *_Nonnull, int rankCount, ncclUniqueId, int rank);
    ncclResult_t (*_Nonnull commDestroy)(ncclComm_t _Nonnull);
    ncclResult_t (*_Nonnull commGetAsyncError)(ncclComm_t _Nonnull, ncclResult_t *_Nonnull result);
    ncclResult_t (*_Nonnull allReduce)(
        uint64_t source, uint64_t destination, size_t count, int type, int operation, ncclComm_t _Nonnull,
        CUstream _Nonnull);
    ncclResult_t (*_Nonnull allGather)(
        uint64_t source, uint64_t destination, size_t countPerRank, int type, ncclComm_t _Nonnull, CUstream _Nonnull);
} NCCLFunctions;
