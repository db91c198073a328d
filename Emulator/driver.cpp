#include <sys/mman.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>

#include "device.hpp"

// The CUDA driver's functions that Sources/CUDA/DriverFunctions.swift asks for.

using gpu::Device;
using Lock = std::lock_guard<std::recursive_mutex>;

namespace {

enum : CUresult {
    kInvalidValue = 1,
    kInvalidDevice = 101,
    kInvalidContext = 201,
    kIllegalAddress = 700,
    kPeerAccessAlreadyEnabled = 704,
    kLaunchFailed = 719,
    kNotSupported = 801,
};
// Of shared memory, what each block takes besides.
constexpr uint32_t kReservedBytes = 1 << 10;

long setting(const char *name, long standard) {
    const char *text = std::getenv(name);
    return text ? std::atol(text) : standard;
}

int architecture() {
    static const int value = int(setting("PUNICA_EMULATED_ARCHITECTURE", 90));
    return value;
}

uint32_t sharedBytesOfMultiprocessor() {
    switch (architecture()) {
        case 80: case 87: return 164 << 10;
        case 86: case 89: return 100 << 10;
        default: return 228 << 10;
    }
}

// What a block may have.
uint32_t mostSharedBytes() { return sharedBytesOfMultiprocessor() - kReservedBytes; }

// What a thread's calls are for: the last one.
thread_local std::vector<Device *> contexts;

// Pinned memory, which all GPUs may touch.
gpu::Memory &hostMemory() {
    static gpu::Memory &memory = *new gpu::Memory();
    return memory;
}

double now() { return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count(); }

} // namespace

namespace gpu {

Device::Device()
    : multiprocessors(int(setting("PUNICA_EMULATED_MULTIPROCESSORS", 8))),
      totalBytes(size_t(setting("PUNICA_EMULATED_MEBIBYTES", 16 << 10)) << 20),
      seed_(uint64_t(setting("PUNICA_EMULATED_SEED", 1))) {
    immediate.device = this;
    memory.open(hostMemory());
}

std::atomic<bool> Device::anyFailed = false;

int Device::count() { return int(std::clamp(setting("PUNICA_EMULATED_GPUS", 1), 1l, 8l)); }

Device &Device::at(int ordinal) {
    static Device *const devices = new Device[8];
    return devices[ordinal];
}

Device &Device::current() { return contexts.empty() || !contexts.back() ? at(0) : *contexts.back(); }

CUresult Device::perform(const std::vector<Work> &all) {
    if (failure != CUDA_SUCCESS) return failure;
    try {
        std::vector<Launch> launches;
        const auto launch = [&] {
            if (!launches.empty()) execute(launches, memory, seed_ += 0x9e3779b97f4a7c15, anyFailed);
            launches.clear();
        };
        for (const Work &work : all) {
            if (const auto *kernel = std::get_if<Launch>(&work)) {
                launches.push_back(*kernel);
            } else {
                launch();
                std::get<1>(work)();
            }
        }
        launch();
    } catch (const AddressFault &fault) {
        std::fprintf(stderr, "emulated GPU: %s\n", fault.what());
        failure = kIllegalAddress;
    } catch (const Fault &fault) {
        std::fprintf(stderr, "emulated GPU: %s\n", fault.what());
        failure = kLaunchFailed;
    }
    if (failure != CUDA_SUCCESS) anyFailed = true;
    return failure;
}

CUresult Device::submit(CUstream stream, Work work) {
    if (!stream->capture) return perform({std::move(work)});
    stream->capture->nodes.push_back(std::move(work));
    return failure;
}

uint32_t Device::residentBlocks(const CUfunc_st &function, uint32_t threads, uint32_t dynamicBytes) {
    const uint32_t shared = function.entry->dynamicStart + dynamicBytes + kReservedBytes;
    return std::min({2048 / std::max(threads, 1u), sharedBytesOfMultiprocessor() / shared, 32u});
}

} // namespace gpu

extern "C" {

CUresult cuInit(unsigned) { return CUDA_SUCCESS; }

CUresult cuDriverGetVersion(int *version) {
    *version = 13000;
    return CUDA_SUCCESS;
}

CUresult cuGetErrorName(CUresult code, const char **name) {
    switch (code) {
        case CUDA_SUCCESS: *name = "CUDA_SUCCESS"; break;
        case kInvalidValue: *name = "CUDA_ERROR_INVALID_VALUE"; break;
        case CUDA_ERROR_OUT_OF_MEMORY: *name = "CUDA_ERROR_OUT_OF_MEMORY"; break;
        case CUDA_ERROR_NOT_FOUND: *name = "CUDA_ERROR_NOT_FOUND"; break;
        case kInvalidDevice: *name = "CUDA_ERROR_INVALID_DEVICE"; break;
        case kInvalidContext: *name = "CUDA_ERROR_INVALID_CONTEXT"; break;
        case kPeerAccessAlreadyEnabled: *name = "CUDA_ERROR_PEER_ACCESS_ALREADY_ENABLED"; break;
        case kIllegalAddress: *name = "CUDA_ERROR_ILLEGAL_ADDRESS"; break;
        case kLaunchFailed: *name = "CUDA_ERROR_LAUNCH_FAILED"; break;
        case kNotSupported: *name = "CUDA_ERROR_NOT_SUPPORTED"; break;
        default: return kInvalidValue;
    }
    return CUDA_SUCCESS;
}

CUresult cuGetErrorString(CUresult code, const char **text) { return cuGetErrorName(code, text); }

CUresult cuDeviceGetCount(int *count) {
    *count = Device::count();
    return CUDA_SUCCESS;
}

CUresult cuDeviceGet(CUdevice *device, int ordinal) {
    *device = ordinal;
    return ordinal >= 0 && ordinal < Device::count() ? CUresult(CUDA_SUCCESS) : CUresult(kInvalidValue);
}

CUresult cuDeviceGetName(char *name, int capacity, CUdevice) {
    std::snprintf(name, capacity, "emulated GPU");
    return CUDA_SUCCESS;
}

CUresult cuDeviceTotalMem_v2(size_t *bytes, CUdevice device) {
    *bytes = Device::at(device).totalBytes;
    return CUDA_SUCCESS;
}

CUresult cuDeviceGetAttribute(int *value, int attribute, CUdevice device) {
    switch (attribute) {
        case CU_DEVICE_ATTRIBUTE_MULTIPROCESSOR_COUNT: *value = Device::at(device).multiprocessors; break;
        case CU_DEVICE_ATTRIBUTE_L2_CACHE_SIZE: *value = 50 << 20; break;
        case CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR: *value = architecture() / 10; break;
        case CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MINOR: *value = architecture() % 10; break;
        case CU_DEVICE_ATTRIBUTE_MAX_SHARED_MEMORY_PER_BLOCK_OPTIN: *value = int(mostSharedBytes()); break;
        default: return kInvalidValue;
    }
    return CUDA_SUCCESS;
}

CUresult cuDevicePrimaryCtxRetain(CUcontext *context, CUdevice device) {
    *context = reinterpret_cast<CUcontext>(&Device::at(device));
    return CUDA_SUCCESS;
}

CUresult cuDevicePrimaryCtxRelease_v2(CUdevice) { return CUDA_SUCCESS; }

CUresult cuCtxSetCurrent(CUcontext context) {
    if (contexts.empty()) contexts.emplace_back();
    contexts.back() = reinterpret_cast<Device *>(context);
    return CUDA_SUCCESS;
}

CUresult cuCtxGetCurrent(CUcontext *context) {
    *context = contexts.empty() ? nullptr : reinterpret_cast<CUcontext>(contexts.back());
    return CUDA_SUCCESS;
}

CUresult cuCtxPushCurrent_v2(CUcontext context) {
    contexts.push_back(reinterpret_cast<Device *>(context));
    return CUDA_SUCCESS;
}

CUresult cuCtxPopCurrent_v2(CUcontext *context) {
    if (contexts.empty()) return kInvalidContext;
    *context = reinterpret_cast<CUcontext>(contexts.back());
    contexts.pop_back();
    return CUDA_SUCCESS;
}

CUresult cuDeviceCanAccessPeer(int *can, CUdevice device, CUdevice peer) {
    *can = device != peer;
    return CUDA_SUCCESS;
}

CUresult cuCtxEnablePeerAccess(CUcontext context, unsigned) {
    Device &device = Device::current(), &peer = *reinterpret_cast<Device *>(context);
    const Lock lock(device.mutex);
    if (&peer == &device) return kInvalidDevice;
    if (!device.peers.insert(&peer).second) return kPeerAccessAlreadyEnabled;
    device.memory.open(peer.memory);
    return device.failure;
}

CUresult cuCtxGetStreamPriorityRange(int *least, int *greatest) {
    *least = 0;
    *greatest = -5;
    return CUDA_SUCCESS;
}

CUresult cuMemGetInfo_v2(size_t *free, size_t *total) {
    const Device &device = Device::current();
    *total = device.totalBytes;
    *free = device.totalBytes - device.allocatedBytes;
    return CUDA_SUCCESS;
}

CUresult cuMemAlloc_v2(CUdeviceptr *address, size_t bytes) {
    Device &device = Device::current();
    const Lock lock(device.mutex);
    if (bytes == 0) return kInvalidValue;
    if (device.allocatedBytes + bytes > device.totalBytes) return CUDA_ERROR_OUT_OF_MEMORY;
    // A page behind each, which nobody may touch, tells one's end from the next one's start.
    const size_t whole = (bytes + 4095) / 4096 * 4096 + 4096;
    void *memory = mmap(nullptr, whole, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (memory == MAP_FAILED) return CUDA_ERROR_OUT_OF_MEMORY;
    mprotect(static_cast<uint8_t *>(memory) + whole - 4096, 4096, PROT_NONE);
    // What has not been written is no number; of what is large, only its beginning.
    std::memset(memory, 0xff, std::min<size_t>(bytes, 256 << 20));
    *address = reinterpret_cast<CUdeviceptr>(memory);
    device.allocations[*address] = bytes;
    device.allocatedBytes += bytes;
    device.memory.add(memory, bytes);
    return device.failure;
}

CUresult cuMemFree_v2(CUdeviceptr address) {
    Device &device = Device::current();
    const Lock lock(device.mutex);
    const auto found = device.allocations.find(address);
    if (found == device.allocations.end()) return kInvalidValue;
    void *memory = reinterpret_cast<void *>(address);
    device.memory.remove(memory);
    device.allocatedBytes -= found->second;
    munmap(memory, (found->second + 4095) / 4096 * 4096 + 4096);
    device.allocations.erase(found);
    return device.failure;
}

CUresult cuMemHostAlloc(void **bytes, size_t count, unsigned) {
    Device &device = Device::current();
    const Lock lock(device.mutex);
    *bytes = std::aligned_alloc(4096, (count + 4095) / 4096 * 4096);
    if (!*bytes) return CUDA_ERROR_OUT_OF_MEMORY;
    hostMemory().add(*bytes, count);
    return device.failure;
}

CUresult cuMemFreeHost(void *bytes) {
    Device &device = Device::current();
    const Lock lock(device.mutex);
    hostMemory().remove(bytes);
    std::free(bytes);
    return device.failure;
}

// A copy's or a fill's device memory, which must be there.
static void require(CUdeviceptr address, size_t bytes) {
    if (!Device::current().memory.find(address).holds(address, bytes)) {
        throw gpu::AddressFault("a copy's address is in no memory");
    }
}

CUresult cuMemcpyHtoD_v2(CUdeviceptr to, const void *from, size_t bytes) {
    Device &device = Device::current();
    const Lock lock(device.mutex);
    return device.submit(&device.immediate, [=] {
        require(to, bytes);
        std::memcpy(reinterpret_cast<void *>(to), from, bytes);
    });
}

CUresult cuMemcpyDtoH_v2(void *to, CUdeviceptr from, size_t bytes) {
    Device &device = Device::current();
    const Lock lock(device.mutex);
    return device.submit(&device.immediate, [=] {
        require(from, bytes);
        std::memcpy(to, reinterpret_cast<const void *>(from), bytes);
    });
}

CUresult cuMemsetD8_v2(CUdeviceptr to, unsigned char value, size_t bytes) {
    Device &device = Device::current();
    const Lock lock(device.mutex);
    return device.submit(&device.immediate, [=] {
        require(to, bytes);
        std::memset(reinterpret_cast<void *>(to), value, bytes);
    });
}

CUresult cuMemcpyHtoDAsync_v2(CUdeviceptr to, const void *from, size_t bytes, CUstream stream) {
    Device &device = *stream->device;
    const Lock lock(device.mutex);
    return device.submit(stream, [=] {
        require(to, bytes);
        std::memcpy(reinterpret_cast<void *>(to), from, bytes);
    });
}

CUresult cuMemcpyDtoHAsync_v2(void *to, CUdeviceptr from, size_t bytes, CUstream stream) {
    Device &device = *stream->device;
    const Lock lock(device.mutex);
    return device.submit(stream, [=] {
        require(from, bytes);
        std::memcpy(to, reinterpret_cast<const void *>(from), bytes);
    });
}

CUresult cuMemcpyDtoDAsync_v2(CUdeviceptr to, CUdeviceptr from, size_t bytes, CUstream stream) {
    Device &device = *stream->device;
    const Lock lock(device.mutex);
    return device.submit(stream, [=] {
        require(from, bytes);
        require(to, bytes);
        std::memmove(reinterpret_cast<void *>(to), reinterpret_cast<const void *>(from), bytes);
    });
}

CUresult cuMemsetD8Async(CUdeviceptr to, unsigned char value, size_t bytes, CUstream stream) {
    Device &device = *stream->device;
    const Lock lock(device.mutex);
    return device.submit(stream, [=] {
        require(to, bytes);
        std::memset(reinterpret_cast<void *>(to), value, bytes);
    });
}

CUresult cuStreamCreateWithPriority(CUstream *stream, unsigned, int) {
    Device &device = Device::current();
    const Lock lock(device.mutex);
    *stream = new CUstream_st{.device = &device, .capture = nullptr};
    device.streams.push_back(*stream);
    return device.failure;
}

CUresult cuStreamDestroy_v2(CUstream stream) {
    Device &device = *stream->device;
    const Lock lock(device.mutex);
    std::erase(device.streams, stream);
    delete stream;
    return device.failure;
}

CUresult cuStreamSynchronize(CUstream stream) { return stream->device->failure; }
CUresult cuStreamQuery(CUstream stream) { return stream->device->failure; }

CUresult cuStreamWaitEvent(CUstream stream, CUevent event, unsigned) {
    Device &device = *stream->device;
    const Lock lock(device.mutex);
    if (event->capture) stream->capture = event->capture;
    return device.failure;
}

CUresult cuStreamBeginCapture_v2(CUstream stream, int) {
    Device &device = *stream->device;
    const Lock lock(device.mutex);
    stream->capture = new CUgraph_st();
    return device.failure;
}

CUresult cuStreamEndCapture(CUstream stream, CUgraph *graph) {
    Device &device = *stream->device;
    const Lock lock(device.mutex);
    *graph = stream->capture;
    for (CUstream other : device.streams) {
        if (other->capture == *graph) other->capture = nullptr;
    }
    for (CUevent event : (*graph)->events) {
        if (event->capture == *graph) event->capture = nullptr;
    }
    (*graph)->events.clear();
    return device.failure;
}

CUresult cuEventCreate(CUevent *event, unsigned) {
    *event = new CUevent_st();
    return Device::current().failure;
}

CUresult cuEventDestroy_v2(CUevent event) {
    Device &device = Device::current();
    const Lock lock(device.mutex);
    if (event->capture) std::erase(event->capture->events, event);
    delete event;
    return device.failure;
}

CUresult cuEventRecord(CUevent event, CUstream stream) {
    Device &device = *stream->device;
    const Lock lock(device.mutex);
    event->capture = stream->capture;
    if (event->capture) event->capture->events.push_back(event);
    event->seconds = now();
    return device.failure;
}

CUresult cuEventQuery(CUevent) { return Device::current().failure; }
CUresult cuEventSynchronize(CUevent) { return Device::current().failure; }

CUresult cuEventElapsedTime(float *milliseconds, CUevent start, CUevent end) {
    Device &device = Device::current();
    const Lock lock(device.mutex);
    *milliseconds = float(1000 * (end->seconds - start->seconds));
    return device.failure;
}

CUresult cuGraphGetNodes(CUgraph graph, CUgraphNode *, size_t *count) {
    *count = graph->nodes.size();
    return CUDA_SUCCESS;
}

CUresult cuGraphDestroy(CUgraph graph) {
    delete graph;
    return CUDA_SUCCESS;
}

CUresult cuGraphInstantiateWithFlags(CUgraphExec *executable, CUgraph graph, unsigned long long) {
    *executable = new CUgraphExec_st{graph->nodes};
    return CUDA_SUCCESS;
}

CUresult cuGraphUpload(CUgraphExec, CUstream) { return CUDA_SUCCESS; }

CUresult cuGraphLaunch(CUgraphExec executable, CUstream stream) {
    Device &device = *stream->device;
    const Lock lock(device.mutex);
    return stream->capture ? CUresult(kNotSupported) : device.perform(executable->nodes);
}

CUresult cuGraphExecDestroy(CUgraphExec executable) {
    delete executable;
    return CUDA_SUCCESS;
}

CUresult cuModuleLoadData(CUmodule *module, const void *image) {
    Device &device = Device::current();
    const Lock lock(device.mutex);
    auto made = std::make_unique<CUmod_st>();
    try {
        gpu::Assembler(made->program).assemble(static_cast<const char *>(image));
    } catch (const gpu::Fault &fault) {
        std::fprintf(stderr, "emulated GPU: %s\n", fault.what());
        return kNotSupported;
    }
    for (const auto &variable : made->program.globals) device.memory.add(variable->data(), variable->size());
    for (const auto &[name, entry] : made->program.entries) made->functions[name] = {&made->program, &entry};
    *module = made.release();
    return device.failure;
}

CUresult cuModuleUnload(CUmodule module) {
    Device &device = Device::current();
    const Lock lock(device.mutex);
    for (const auto &variable : module->program.globals) device.memory.remove(variable->data());
    delete module;
    return device.failure;
}

CUresult cuModuleGetFunction(CUfunction *function, CUmodule module, const char *name) {
    const auto found = module->functions.find(name);
    if (found == module->functions.end()) return CUDA_ERROR_NOT_FOUND;
    *function = &found->second;
    return CUDA_SUCCESS;
}

CUresult cuFuncGetAttribute(int *value, int attribute, CUfunction function) {
    // A thread has as many registers as it needs; nobody counts them here.
    *value = attribute == CU_FUNC_ATTRIBUTE_LOCAL_SIZE_BYTES    ? int(function->program->localBytes)
             : attribute == CU_FUNC_ATTRIBUTE_SHARED_SIZE_BYTES ? int(function->entry->dynamicStart)
                                                                : 0;
    return CUDA_SUCCESS;
}

CUresult cuFuncSetAttribute(CUfunction function, int attribute, int value) {
    // There is no cache to leave memory to.
    if (attribute == CU_FUNC_ATTRIBUTE_PREFERRED_SHARED_MEMORY_CARVEOUT) return CUDA_SUCCESS;
    if (attribute != CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES) return kNotSupported;
    if (value < 0 || function->entry->dynamicStart + value > mostSharedBytes()) return kInvalidValue;
    function->mostDynamicBytes = value;
    return CUDA_SUCCESS;
}

CUresult cuOccupancyMaxActiveBlocksPerMultiprocessor(int *count, CUfunction function, int threads, size_t bytes) {
    *count = int(Device::residentBlocks(*function, threads, uint32_t(bytes)));
    return CUDA_SUCCESS;
}

CUresult cuLaunchKernelEx(const CUlaunchConfig *c, CUfunction function, void **parameters, void **) {
    Device &device = *c->stream->device;
    const Lock lock(device.mutex);
    const uint64_t threads = uint64_t(c->blockX) * c->blockY * c->blockZ;
    if (threads == 0 || threads > 1024 || c->gridX == 0 || c->gridY == 0 || c->gridZ == 0) return kInvalidValue;
    if (c->sharedBytes > function->mostDynamicBytes) return kInvalidValue;
    if (function->entry->dynamicStart + c->sharedBytes > mostSharedBytes()) return kInvalidValue;
    gpu::Launch launch;
    for (unsigned i = 0; i < c->attributeCount; ++i) {
        if (c->attributes[i].id != CU_LAUNCH_ATTRIBUTE_PROGRAMMATIC_STREAM_SERIALIZATION) return kNotSupported;
        launch.overlaps = c->attributes[i].value.programmaticStreamSerializationAllowed != 0;
    }
    launch.program = function->program;
    launch.entry = function->entry;
    std::copy_n(&c->gridX, 3, launch.grid);
    std::copy_n(&c->blockX, 3, launch.block);
    launch.dynamicBytes = c->sharedBytes;
    launch.parameters.resize(function->entry->parameterBytes);
    for (const auto &[place, bytes] : function->entry->parameters) {
        std::memcpy(launch.parameters.data() + place, *parameters++, bytes);
    }
    launch.residentBlocks =
        Device::residentBlocks(*function, uint32_t(threads), c->sharedBytes) * uint32_t(device.multiprocessors);
    return device.submit(c->stream, std::move(launch));
}

} // extern "C"
