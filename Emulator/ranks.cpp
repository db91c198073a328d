#include <chrono>
#include <condition_variable>
#include <cstring>
#include <map>

#include "../Sources/CCUDA/include/NCCL.h"
#include "device.hpp"
#include "half.hpp"

// NCCL's functions that Sources/CUDA/NCCLFunctions.swift asks for, for ranks that are threads of this process: a rank's
// thread waits for the others' within its GPU's work.

namespace {

enum : ncclResult_t { success = 0, failure = 1, badArgument = 4 };

struct Group {
    std::mutex mutex;
    std::condition_variable came;
    std::vector<std::vector<uint8_t>> parts;
    int rankCount = 0, waiting = 0;
    uint64_t round = 0;

    // Returns when all ranks are here.
    void meet() {
        std::unique_lock lock(mutex);
        const uint64_t present = round;
        if (++waiting == rankCount) {
            waiting = 0;
            ++round;
            came.notify_all();
        }
        while (round == present) {
            came.wait_for(lock, std::chrono::milliseconds(100));
            if (gpu::Device::anyFailed) throw gpu::Fault("a rank's GPU has failed");
        }
    }
};

size_t bytesOf(int type) { return type == ncclFloat32 ? 4 : 2; }

float widen(const uint8_t *place, int type) {
    if (type == ncclFloat32) return *reinterpret_cast<const float *>(place);
    const uint16_t bits = *reinterpret_cast<const uint16_t *>(place);
    return type == ncclFloat16 ? gpu::widenHalf(bits) : gpu::widenBrain(bits);
}

void narrow(uint8_t *place, float value, int type) {
    if (type == ncclFloat32) *reinterpret_cast<float *>(place) = value;
    else *reinterpret_cast<uint16_t *>(place) = type == ncclFloat16 ? gpu::narrowHalf(value) : gpu::narrowBrain(value);
}

} // namespace

struct ncclComm {
    Group *group;
    int rank;

    // Lets `use` see all ranks' bytes, by rank, when all have given theirs; it writes `written` bytes to `to`.
    template <typename Use>
    void exchange(
        const gpu::Device &device, uint64_t from, size_t bytes, uint64_t to, size_t written, const Use &use) const {
        if (!device.memory.find(from).holds(from, bytes) || !device.memory.find(to).holds(to, written)) {
            throw gpu::AddressFault("a sum's address is in no memory");
        }
        const auto *start = reinterpret_cast<const uint8_t *>(from);
        group->parts[rank].assign(start, start + bytes);
        group->meet();
        use(group->parts);
        group->meet();
    }
};

extern "C" {

ncclResult_t ncclGetVersion(int *version) {
    *version = 22800;
    return success;
}

const char *ncclGetErrorString(ncclResult_t result) {
    return result == badArgument ? "no such rank" : "the emulated GPU has failed";
}

ncclResult_t ncclGetUniqueId(ncclUniqueId *id) {
    static std::atomic<uint64_t> count = 0;
    const uint64_t number = ++count;
    std::memset(id, 0, sizeof *id);
    std::memcpy(id, &number, sizeof number);
    return success;
}

ncclResult_t ncclCommInitRank(ncclComm_t *communicator, int rankCount, ncclUniqueId id, int rank) {
    static std::mutex mutex;
    // For ever: there are few.
    static std::map<uint64_t, Group> &groups = *new std::map<uint64_t, Group>();
    if (rank < 0 || rank >= rankCount) return badArgument;
    uint64_t number;
    std::memcpy(&number, &id, sizeof number);
    Group *group;
    {
        const std::lock_guard lock(mutex);
        group = &groups[number];
        // Before anybody waits in it, and then no more.
        if (group->rankCount == 0) {
            group->rankCount = rankCount;
            group->parts.resize(rankCount);
        }
        if (group->rankCount != rankCount) return badArgument;
    }
    *communicator = new ncclComm{group, rank};
    try {
        group->meet();
    } catch (const gpu::Fault &) {
        return failure;
    }
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

ncclResult_t ncclAllReduce(
    uint64_t from, uint64_t to, size_t count, int type, int, ncclComm_t communicator, CUstream stream) {
    const std::lock_guard lock(stream->device->mutex);
    const CUresult result = stream->device->submit(stream, [=, rank = *communicator] {
        const size_t size = bytesOf(type);
        rank.exchange(*stream->device, from, count * size, to, count * size, [&](const auto &parts) {
            for (size_t i = 0; i < count; ++i) {
                float sum = 0;
                for (const auto &part : parts) sum += widen(part.data() + i * size, type);
                narrow(reinterpret_cast<uint8_t *>(to) + i * size, sum, type);
            }
        });
    });
    return result == CUDA_SUCCESS ? success : failure;
}

ncclResult_t ncclAllGather(
    uint64_t from, uint64_t to, size_t count, int type, ncclComm_t communicator, CUstream stream) {
    const std::lock_guard lock(stream->device->mutex);
    const CUresult result = stream->device->submit(stream, [=, rank = *communicator] {
        const size_t bytes = count * bytesOf(type);
        rank.exchange(*stream->device, from, bytes, to, bytes * rank.group->rankCount, [&](const auto &parts) {
            auto *place = reinterpret_cast<uint8_t *>(to);
            for (const auto &part : parts) place = std::copy(part.begin(), part.end(), place);
        });
    });
    return result == CUDA_SUCCESS ? success : failure;
}

} // extern "C"
