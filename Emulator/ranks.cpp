#include <cstring>
#include <mutex>

#include "../Sources/CCUDA/include/NCCL.h"
#include "device.hpp"

// NCCL's functions that Sources/CUDA/NCCLFunctions.swift asks for, for a world of one rank, as there is one GPU: what ranks
// gather or add up is what the one has.

struct ncclComm {};

namespace {

enum : ncclResult_t { success = 0, failure = 1, badArgument = 4 };

size_t sizeOf(int type) { return type == ncclFloat32 ? 4 : 2; }

ncclResult_t copy(uint64_t from, uint64_t to, size_t bytes, CUstream stream) {
    gpu::Device &device = gpu::Device::shared();
    const std::lock_guard lock(device.mutex);
    const CUresult result = device.submit(stream, [=, &device] {
        for (const uint64_t address : {from, to}) {
            if (!device.memory.find(address).holds(address, bytes)) {
                throw gpu::AddressFault("what ranks exchange is in no memory");
            }
        }
        if (from != to) std::memmove(reinterpret_cast<void *>(to), reinterpret_cast<const void *>(from), bytes);
    });
    return result == CUDA_SUCCESS ? success : failure;
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
    return copy(from, to, count * sizeOf(type), stream);
}

ncclResult_t ncclAllGather(uint64_t from, uint64_t to, size_t count, int type, ncclComm_t, CUstream stream) {
    return copy(from, to, count * sizeOf(type), stream);
}

} // extern "C"
