#include <cstring>

#include "../Sources/CCUDA/include/NCCL.h"

// NCCL's functions that Sources/CUDA/NCCLFunctions.swift asks for, for a world of one rank, as there is one GPU: what
// ranks gather or add up is what the one has.

struct ncclComm {};

extern "C" CUresult cuMemcpyDtoDAsync_v2(CUdeviceptr to, CUdeviceptr from, size_t bytes, CUstream stream);

namespace {

enum : ncclResult_t { success = 0, failure = 1, badArgument = 4 };

ncclResult_t copy(uint64_t from, uint64_t to, size_t count, int type, CUstream stream) {
    const size_t bytes = count * (type == ncclFloat32 ? 4 : 2);
    return cuMemcpyDtoDAsync_v2(to, from, bytes, stream) == CUDA_SUCCESS ? success : failure;
}

} // namespace

extern "C" {

ncclResult_t ncclGetVersion(int *version) {
    *version = 22800;
    return success;
}

const char *ncclGetErrorString(ncclResult_t result) {
    return result == badArgument ? "one GPU is one rank" : "the emulated GPU has failed";
}

ncclResult_t ncclGetUniqueId(ncclUniqueId *id) {
    std::memset(id, 0, sizeof *id);
    return success;
}

ncclResult_t ncclCommInitRank(ncclComm_t *communicator, int rankCount, ncclUniqueId, int) {
    if (rankCount != 1) return badArgument;
    *communicator = new ncclComm;
    return success;
}

ncclResult_t ncclCommDestroy(ncclComm_t communicator) {
    delete communicator;
    return success;
}

ncclResult_t ncclCommGetAsyncError(ncclComm_t, ncclResult_t *result) {
    *result = success;
    return success;
}

ncclResult_t ncclAllReduce(uint64_t from, uint64_t to, size_t count, int type, int, ncclComm_t, CUstream stream) {
    return copy(from, to, count, type, stream);
}

ncclResult_t ncclAllGather(uint64_t from, uint64_t to, size_t count, int type, ncclComm_t, CUstream stream) {
    return copy(from, to, count, type, stream);
}

} // extern "C"
