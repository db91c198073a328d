#pragma once

#include <atomic>
#include <functional>
#include <map>
#include <mutex>
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

} // namespace gpu

// The driver's types: a GPU whose streams do everything at once, in the order in which it is asked for.
struct CUgraph_st {
    std::vector<gpu::Work> nodes;
    // Recorded on its streams while it is being made.
    std::vector<CUevent> events;
};

struct CUgraphExec_st {
    std::vector<gpu::Work> nodes;
};

struct CUstream_st {
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

// There is one, for all threads.
class Device {
  public:
    static Device &shared();

    std::recursive_mutex mutex;
    Memory memory;
    // Of device memory, by address.
    std::map<CUdeviceptr, size_t> allocations;
    std::atomic<size_t> allocatedBytes = 0;
    // The first error stays.
    std::atomic<CUresult> failure = CUDA_SUCCESS;
    std::vector<CUstream> streams;

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
