#pragma once

#include <atomic>
#include <functional>
#include <map>
#include <mutex>
#include <set>
#include <string>
#include <variant>

#include "../Sources/CCUDA/include/CUDADriver.h"
#include "assembler.hpp"
#include "grid.hpp"
#include "memory.hpp"
#include "warp.hpp"

namespace gpu {

// A launch, or anything else that a stream does.
using Work = std::variant<Launch, std::function<void()>>;

class Device;

} // namespace gpu

// The driver's types: GPUs whose streams do everything at once, in the order in which it is asked for.
struct CUgraph_st {
    std::vector<gpu::Work> nodes;
    // Recorded on its streams while it is being made.
    std::vector<CUevent> events;
};

struct CUgraphExec_st {
    std::vector<gpu::Work> nodes;
};

struct CUstream_st {
    gpu::Device *device = nullptr;
    // The recording that this stream takes part in.
    CUgraph_st *capture = nullptr;
};

struct CUevent_st {
    CUgraph_st *capture = nullptr;
    double seconds = 0;
};

struct CUfunc_st {
    const gpu::Program *program = nullptr;
    const gpu::Entry *entry = nullptr;
    uint32_t mostDynamicBytes = 48 << 10;
};

struct CUmod_st {
    gpu::Program program;
    std::map<std::string, CUfunc_st> functions;
};

namespace gpu {

// One GPU, for all threads. What a thread asks of it is done by that thread, so that different GPUs work at a time if
// different threads drive them.
class Device {
  public:
    static int count();
    static Device &at(int ordinal);
    // That of the calling thread's context; the first where it has none.
    static Device &current();
    // Whether any GPU has failed, for which others may wait.
    static std::atomic<bool> anyFailed;

    std::recursive_mutex mutex;
    Memory memory;
    // Of device memory, by address.
    std::map<CUdeviceptr, size_t> allocations;
    std::atomic<size_t> allocatedBytes = 0;
    // Whose memory kernels may touch too.
    std::set<Device *> peers;
    // The first error stays.
    std::atomic<CUresult> failure = CUDA_SUCCESS;
    std::vector<CUstream> streams;
    // Of calls that name none.
    CUstream_st immediate;

    int multiprocessors;
    size_t totalBytes;

    // Does it now, or writes it down if the stream is being recorded.
    CUresult submit(CUstream stream, Work work);
    // One after the other, but that launches overlap which may.
    CUresult perform(const std::vector<Work> &all);
    // How many blocks run at once on a multiprocessor.
    static uint32_t residentBlocks(const CUfunc_st &function, uint32_t threads, uint32_t dynamicBytes);

  private:
    Device();

    uint64_t seed_;
};

} // namespace gpu
