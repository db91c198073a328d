#pragma once

// What of the CUDA driver's interface this package uses, restated so that no CUDA header is needed to build.
// A field carries the plain name of a function; CUDA/DriverFunctions.swift names the symbol and its version.

#include <stddef.h>
#include <stdint.h>

typedef int CUresult;
typedef int CUdevice;
typedef uint64_t CUdeviceptr;
typedef struct CUctx_st *CUcontext;
typedef struct CUmod_st *CUmodule;
typedef struct CUfunc_st *CUfunction;
typedef struct CUstream_st *CUstream;
typedef struct CUevent_st *CUevent;
typedef struct CUgraph_st *CUgraph;
typedef struct CUgraphNode_st *CUgraphNode;
typedef struct CUgraphExec_st *CUgraphExec;

enum {
    CUDA_SUCCESS = 0,
    CUDA_ERROR_OUT_OF_MEMORY = 2,
    CUDA_ERROR_NOT_FOUND = 500,
    CUDA_ERROR_NOT_READY = 600,
    CUDA_ERROR_PEER_ACCESS_ALREADY_ENABLED = 704,
};

enum {
    CU_DEVICE_ATTRIBUTE_MULTIPROCESSOR_COUNT = 16,
    CU_DEVICE_ATTRIBUTE_L2_CACHE_SIZE = 38,
    CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR = 75,
    CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MINOR = 76,
    CU_DEVICE_ATTRIBUTE_MAX_SHARED_MEMORY_PER_BLOCK_OPTIN = 97,
};

enum {
    CU_FUNC_ATTRIBUTE_SHARED_SIZE_BYTES = 1,
    CU_FUNC_ATTRIBUTE_LOCAL_SIZE_BYTES = 3,
    CU_FUNC_ATTRIBUTE_NUM_REGS = 4,
    CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES = 8,
    CU_FUNC_ATTRIBUTE_PREFERRED_SHARED_MEMORY_CARVEOUT = 9,
    CU_FUNC_ATTRIBUTE_NON_PORTABLE_CLUSTER_SIZE_ALLOWED = 14,
};

enum {
    CU_STREAM_NON_BLOCKING = 1,
    CU_EVENT_DEFAULT = 0,
    CU_EVENT_DISABLE_TIMING = 2,
    CU_STREAM_CAPTURE_MODE_THREAD_LOCAL = 1,
    CU_MEMHOSTALLOC_PORTABLE = 1,
};

enum {
    CU_LAUNCH_ATTRIBUTE_CLUSTER_DIMENSION = 4,
    CU_LAUNCH_ATTRIBUTE_PROGRAMMATIC_STREAM_SERIALIZATION = 6,
};

typedef struct {
    unsigned x, y, z;
} CUDAClusterSize;

typedef union {
    char bytes[64];
    CUDAClusterSize clusterSize;
    int programmaticStreamSerializationAllowed;
} CUlaunchAttributeValue;

typedef struct {
    int id;
    char padding[4];
    CUlaunchAttributeValue value;
} CUlaunchAttribute;

typedef struct {
    unsigned gridX, gridY, gridZ;
    unsigned blockX, blockY, blockZ;
    unsigned sharedBytes;
    CUstream _Nullable stream;
    CUlaunchAttribute *_Nullable attributes;
    unsigned attributeCount;
} CUlaunchConfig;

typedef struct {
    CUresult (*_Nonnull initialize)(unsigned flags);
    CUresult (*_Nonnull driverGetVersion)(int *_Nonnull version);
    CUresult (*_Nonnull getErrorName)(CUresult, const char *_Nullable *_Nonnull name);
    CUresult (*_Nonnull getErrorString)(CUresult, const char *_Nullable *_Nonnull text);

    CUresult (*_Nonnull deviceGetCount)(int *_Nonnull count);
    CUresult (*_Nonnull deviceGet)(CUdevice *_Nonnull device, int ordinal);
    CUresult (*_Nonnull deviceGetName)(char *_Nonnull name, int capacity, CUdevice);
    CUresult (*_Nonnull deviceTotalMem)(size_t *_Nonnull byteCount, CUdevice);
    CUresult (*_Nonnull deviceGetAttribute)(int *_Nonnull value, int attribute, CUdevice);

    CUresult (*_Nonnull devicePrimaryCtxRetain)(CUcontext _Nullable *_Nonnull context, CUdevice);
    CUresult (*_Nonnull devicePrimaryCtxRelease)(CUdevice);
    CUresult (*_Nonnull ctxSetCurrent)(CUcontext _Nullable);
    CUresult (*_Nonnull ctxGetCurrent)(CUcontext _Nullable *_Nonnull context);
    CUresult (*_Nonnull ctxPushCurrent)(CUcontext _Nonnull);
    CUresult (*_Nonnull ctxPopCurrent)(CUcontext _Nullable *_Nonnull context);
    CUresult (*_Nonnull deviceCanAccessPeer)(int *_Nonnull canAccess, CUdevice, CUdevice peer);
    CUresult (*_Nonnull ctxEnablePeerAccess)(CUcontext _Nonnull peer, unsigned flags);
    CUresult (*_Nonnull ctxGetStreamPriorityRange)(int *_Nonnull least, int *_Nonnull greatest);

    CUresult (*_Nonnull memGetInfo)(size_t *_Nonnull free, size_t *_Nonnull total);
    CUresult (*_Nonnull memAlloc)(CUdeviceptr *_Nonnull address, size_t byteCount);
    CUresult (*_Nonnull memFree)(CUdeviceptr);
    CUresult (*_Nonnull memHostAlloc)(void *_Nullable *_Nonnull bytes, size_t byteCount, unsigned flags);
    CUresult (*_Nonnull memFreeHost)(void *_Nonnull);
    CUresult (*_Nonnull memcpyHtoD)(CUdeviceptr, const void *_Nonnull, size_t byteCount);
    CUresult (*_Nonnull memcpyDtoH)(void *_Nonnull, CUdeviceptr, size_t byteCount);
    CUresult (*_Nonnull memsetD8)(CUdeviceptr, unsigned char value, size_t byteCount);
    CUresult (*_Nonnull memcpyHtoDAsync)(CUdeviceptr, const void *_Nonnull, size_t byteCount, CUstream _Nonnull);
    CUresult (*_Nonnull memcpyDtoHAsync)(void *_Nonnull, CUdeviceptr, size_t byteCount, CUstream _Nonnull);
    CUresult (*_Nonnull memcpyDtoDAsync)(CUdeviceptr, CUdeviceptr source, size_t byteCount, CUstream _Nonnull);
    CUresult (*_Nonnull memsetD8Async)(CUdeviceptr, unsigned char value, size_t byteCount, CUstream _Nonnull);

    CUresult (*_Nonnull streamCreateWithPriority)(CUstream _Nullable *_Nonnull stream, unsigned flags, int priority);
    CUresult (*_Nonnull streamDestroy)(CUstream _Nonnull);
    CUresult (*_Nonnull streamSynchronize)(CUstream _Nonnull);
    CUresult (*_Nonnull streamQuery)(CUstream _Nonnull);
    CUresult (*_Nonnull streamWaitEvent)(CUstream _Nonnull, CUevent _Nonnull, unsigned flags);
    CUresult (*_Nonnull streamBeginCapture)(CUstream _Nonnull, int mode);
    CUresult (*_Nonnull streamEndCapture)(CUstream _Nonnull, CUgraph _Nullable *_Nonnull graph);

    CUresult (*_Nonnull eventCreate)(CUevent _Nullable *_Nonnull event, unsigned flags);
    CUresult (*_Nonnull eventDestroy)(CUevent _Nonnull);
    CUresult (*_Nonnull eventRecord)(CUevent _Nonnull, CUstream _Nonnull);
    CUresult (*_Nonnull eventQuery)(CUevent _Nonnull);
    CUresult (*_Nonnull eventSynchronize)(CUevent _Nonnull);
    CUresult (*_Nonnull eventElapsedTime)(float *_Nonnull milliseconds, CUevent _Nonnull start, CUevent _Nonnull end);

    CUresult (*_Nonnull graphGetNodes)(CUgraph _Nonnull, CUgraphNode _Nullable *_Nullable nodes, size_t *_Nonnull count);
    CUresult (*_Nonnull graphDestroy)(CUgraph _Nonnull);
    CUresult (*_Nonnull graphInstantiate)(CUgraphExec _Nullable *_Nonnull, CUgraph _Nonnull, unsigned long long flags);
    CUresult (*_Nonnull graphUpload)(CUgraphExec _Nonnull, CUstream _Nonnull);
    CUresult (*_Nonnull graphLaunch)(CUgraphExec _Nonnull, CUstream _Nonnull);
    CUresult (*_Nonnull graphExecDestroy)(CUgraphExec _Nonnull);

    CUresult (*_Nonnull moduleLoadData)(CUmodule _Nullable *_Nonnull module, const void *_Nonnull image);
    CUresult (*_Nonnull moduleUnload)(CUmodule _Nonnull);
    CUresult (*_Nonnull moduleGetFunction)(CUfunction _Nullable *_Nonnull, CUmodule _Nonnull, const char *_Nonnull name);
    CUresult (*_Nonnull funcGetAttribute)(int *_Nonnull value, int attribute, CUfunction _Nonnull);
    CUresult (*_Nonnull funcSetAttribute)(CUfunction _Nonnull, int attribute, int value);
    CUresult (*_Nonnull occupancyMaxActiveBlocksPerMultiprocessor)(
        int *_Nonnull count, CUfunction _Nonnull, int blockSize, size_t sharedBytes);
    /// Not in drivers before 11.8.
    CUresult (*_Nonnull launchKernel)(
        const CUlaunchConfig *_Nonnull, CUfunction _Nonnull, void *_Nullable *_Nullable parameters,
        void *_Nullable *_Nullable extra);
} CUDADriverFunctions;
