#include <cmath>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <functional>
#include <sstream>
#include <string>
#include <vector>

#include "../../Sources/CCUDA/include/CUDADriver.h"
#include "../../Sources/CCUDA/include/NVRTC.h"

// Whether the emulator computes as the host does, and shows what is wrong with a kernel: each fault in a process of its
// own, since the first one stays.

extern "C" {
CUresult cuDevicePrimaryCtxRetain(CUcontext *, CUdevice);
CUresult cuCtxPushCurrent_v2(CUcontext);
CUresult cuCtxPopCurrent_v2(CUcontext *);
CUresult cuCtxEnablePeerAccess(CUcontext, unsigned);
CUresult cuMemAlloc_v2(CUdeviceptr *, size_t);
CUresult cuMemcpyHtoD_v2(CUdeviceptr, const void *, size_t);
CUresult cuMemcpyDtoH_v2(void *, CUdeviceptr, size_t);
CUresult cuModuleLoadData(CUmodule *, const void *);
CUresult cuModuleGetFunction(CUfunction *, CUmodule, const char *);
CUresult cuStreamCreateWithPriority(CUstream *, unsigned, int);
CUresult cuStreamBeginCapture_v2(CUstream, int);
CUresult cuStreamEndCapture(CUstream, CUgraph *);
CUresult cuGraphInstantiateWithFlags(CUgraphExec *, CUgraph, unsigned long long);
CUresult cuGraphLaunch(CUgraphExec, CUstream);
CUresult cuLaunchKernelEx(const CUlaunchConfig *, CUfunction, void **, void **);
nvrtcResult nvrtcCreateProgram(
    nvrtcProgram *, const char *, const char *, int, const char *const *, const char *const *);
nvrtcResult nvrtcCompileProgram(nvrtcProgram, int, const char *const *);
nvrtcResult nvrtcGetCUBINSize(nvrtcProgram, size_t *);
nvrtcResult nvrtcGetCUBIN(nvrtcProgram, char *);
}

namespace {

constexpr int kNumbers = 4096;

struct Machine {
    CUmodule module = nullptr;
    CUstream stream = nullptr;
    CUdeviceptr memory = 0;

    explicit Machine(const char *sources) {
        std::ifstream file(sources);
        std::stringstream text;
        text << file.rdbuf();
        nvrtcProgram program = nullptr;
        nvrtcCreateProgram(&program, text.str().c_str(), "kernels.cu", 0, nullptr, nullptr);
        const char *options[] = {"--gpu-architecture=sm_90a", "-std=c++17"};
        if (nvrtcCompileProgram(program, 2, options) != 0) fail("the kernels do not compile");
        size_t bytes = 0;
        nvrtcGetCUBINSize(program, &bytes);
        std::vector<char> code(bytes);
        nvrtcGetCUBIN(program, code.data());
        if (cuModuleLoadData(&module, code.data()) != 0) fail("the kernels cannot be loaded");
        cuStreamCreateWithPriority(&stream, 0, 0);
        cuMemAlloc_v2(&memory, kNumbers * sizeof(int));
        std::vector<int> zeros(kNumbers);
        cuMemcpyHtoD_v2(memory, zeros.data(), kNumbers * sizeof(int));
    }

    [[noreturn]] static void fail(const char *what) {
        std::fprintf(stderr, "%s\n", what);
        std::exit(2);
    }

    CUresult launch(const char *name, int argument, unsigned threads, CUdeviceptr to, bool overlaps = false) const {
        CUfunction function = nullptr;
        if (cuModuleGetFunction(&function, module, name) != 0) fail(name);
        CUlaunchAttribute attribute{};
        attribute.id = CU_LAUNCH_ATTRIBUTE_PROGRAMMATIC_STREAM_SERIALIZATION;
        attribute.value.programmaticStreamSerializationAllowed = 1;
        const CUlaunchConfig configuration{1, 1, 1, threads, 1, 1, 0, stream, &attribute, overlaps ? 1u : 0u};
        void *parameters[] = {&to, &argument};
        return cuLaunchKernelEx(&configuration, function, parameters, nullptr);
    }

    std::vector<int> numbers() const {
        std::vector<int> all(kNumbers);
        cuMemcpyDtoH_v2(all.data(), memory, kNumbers * sizeof(int));
        return all;
    }

    // Launches that add one, recorded and replayed so that they may overlap. Returns what they come to.
    int incremented(int times, bool waits) const {
        cuStreamBeginCapture_v2(stream, 1);
        for (int i = 0; i < times; ++i) launch("increment", waits, 64, memory, true);
        CUgraph graph = nullptr;
        cuStreamEndCapture(stream, &graph);
        CUgraphExec executable = nullptr;
        cuGraphInstantiateWithFlags(&executable, graph, 0);
        cuGraphLaunch(executable, stream);
        return numbers()[0];
    }
};

template <class To, class From>
To as(From x) {
    To y;
    std::memcpy(&y, &x, sizeof y);
    return y;
}

std::vector<int> expected(int thread, int seed) {
    const int x = int((thread + 1) * 2654435761u + seed), y = int(uint32_t(x) * 48271u + 11);
    const float f = float(x) / 1024, g = float(y % 1000) + 0.5f;
    const double d = double(x) * y;
    const auto u = [](int v) { return uint32_t(v); };
    uint32_t reversed = 0;
    for (int i = 0; i < 32; ++i) reversed |= (u(x) >> i & 1) << (31 - i);
    return {
        x / (y | 1),
        x % (y | 1),
        int(u(x) / (u(y) | 1)),
        int(int64_t(x) * y >> 32),
        int(uint64_t(u(x)) * u(y) >> 32),
        x >> (y & 31),
        int(u(x) >> (y & 31)),
        x ? __builtin_clz(x) : 32,
        __builtin_popcount(x),
        int(reversed),
        int((u(x) & 0xff) | (u(y) & 0xff) << 8 | (u(x) >> 16 & 0xff) << 16 | (u(y) >> 16 & 0xff) << 24),
        int(int64_t(x) * y >> 7),
        int(f),
        int(std::nearbyint(f / 3)),
        as<int>(std::fma(f, g, 1.f)),
        as<int>(f / g),
        as<int>(std::sqrt(std::fabs(f))),
        as<int>(std::fmin(f, g)),
        short(x) * 3 + uint16_t(y),
        int(d / 1e15),
        int(as<int64_t>(d)),
        int(as<int64_t>(d) >> 32),
        std::min(x, y) ^ std::max(x, y),
        as<int>(float(d)),
    };
}

bool computes(const Machine &machine) {
    if (machine.launch("compute", 77, 96, machine.memory) != 0) return false;
    const std::vector<int> numbers = machine.numbers();
    bool isRight = true;
    for (int thread = 0; thread < 96; ++thread) {
        const std::vector<int> wanted = expected(thread, 77);
        for (size_t i = 0; i < wanted.size(); ++i) {
            if (numbers[thread * 24 + i] == wanted[i]) continue;
            std::printf("thread %d, number %zu: %d, not %d\n", thread, i, numbers[thread * 24 + i], wanted[i]);
            isRight = false;
        }
    }
    return isRight;
}

bool meets(const Machine &machine) {
    machine.launch("meet", 3, 64, machine.memory);
    const std::vector<int> numbers = machine.numbers();
    const auto sum = [](int lane) {
        int result = 0;
        for (int i = 0; i < lane % 5 * 3; ++i) result += i % 3 == 0 ? i : -1;
        return result;
    };
    for (int thread = 0; thread < 64; ++thread) {
        if (numbers[thread] != sum(thread) + sum(thread ^ 1)) return false;
    }
    return true;
}

// Whether every number of a range is what it should be.
bool isRight(const Machine &machine, int start, int count, const std::function<int(int)> &wanted) {
    const std::vector<int> numbers = machine.numbers();
    for (int i = 0; i < count; ++i) {
        if (numbers[start + i] != wanted(i)) return false;
    }
    return true;
}

// The error of a write to the memory of a second GPU, opened to the first or not.
CUresult writesToSecond(const Machine &machine, bool opens) {
    CUcontext second = nullptr;
    CUdeviceptr memory = 0;
    cuDevicePrimaryCtxRetain(&second, 1);
    cuCtxPushCurrent_v2(second);
    cuMemAlloc_v2(&memory, kNumbers * sizeof(int));
    cuCtxPopCurrent_v2(&second);
    if (opens && cuCtxEnablePeerAccess(second, 0) != 0) return 1;
    return machine.launch("write", 0, 64, memory);
}

struct Test {
    const char *name;
    std::function<bool(const Machine &)> passes;
};

const std::vector<Test> tests = {
    {"numbers are the host's", computes},
    {"lanes that part meet again", meets},
    {"a write within memory is done",
     [](const Machine &m) { return m.launch("write", kNumbers - 64, 64, m.memory) == 0; }},
    {"a write behind memory is an error",
     [](const Machine &m) { return m.launch("write", kNumbers - 63, 64, m.memory) == 700; }},
    {"a write that is not aligned is an error",
     [](const Machine &m) { return m.launch("write", 0, 32, m.memory + 2) == 700; }},
    {"a write to another GPU's memory is an error", [](const Machine &m) { return writesToSecond(m, false) == 700; }},
    {"a write to another GPU's memory that was opened is done",
     [](const Machine &m) { return writesToSecond(m, true) == 0; }},
    {"an error stays",
     [](const Machine &m) {
         m.launch("write", kNumbers, 64, m.memory);
         return m.launch("write", 0, 64, m.memory) == 700;
     }},
    {"a trap is an error", [](const Machine &m) { return m.launch("stop", 0, 32, m.memory) == 719; }},
    {"warps that wait for each other see what the other wrote",
     [](const Machine &m) {
         m.launch("turn", 1, 256, m.memory);
         return isRight(m, 0, 256, [](int i) { return 19 * 256 + 255 - i; });
     }},
    {"a barrier that is missing shows",
     [](const Machine &m) {
         for (int i = 0; i < 10; ++i) m.launch("turn", 0, 256, m.memory);
         return !isRight(m, 0, 256, [](int i) { return 19 * 256 + 255 - i; });
     }},
    {"a copy that is waited for has come",
     [](const Machine &m) {
         m.launch("write", 0, 128, m.memory);
         m.launch("copy", 1, 32, m.memory);
         return isRight(m, 128, 128, [](int i) { return i; });
     }},
    {"a copy that is not waited for has not always",
     [](const Machine &m) {
         m.launch("write", 0, 128, m.memory);
         for (int i = 0; i < 20; ++i) {
             m.launch("copy", 0, 32, m.memory);
             if (!isRight(m, 128, 128, [](int i) { return i; })) return true;
         }
         return false;
     }},
    {"launches that wait for their predecessors see what they wrote",
     [](const Machine &m) { return m.incremented(12, true) == 12; }},
    {"launches that do not wait do not", [](const Machine &m) { return m.incremented(12, false) < 12; }},
    {"copies to a place that all have read are right",
     [](const Machine &m) {
         m.launch("write", 0, 1024, m.memory);
         m.launch("refill", 1, 32, m.memory);
         return isRight(m, 1024, 32, [](int i) { return 8 * (127 - i) + 128 * 28; });
     }},
    {"a copy to a place that is still read shows",
     [](const Machine &m) {
         m.launch("write", 0, 1024, m.memory);
         m.launch("refill", 0, 32, m.memory);
         return !isRight(m, 1024, 32, [](int i) { return 8 * (127 - i) + 128 * 21; });
     }},
    {"lanes of a warp that come to a barrier one after the other meet there",
     [](const Machine &m) {
         m.launch("gather", 8, 64, m.memory);
         return isRight(m, 64, 64, [](int i) { return 63 - i; });
     }},
    {"lanes that wait for others in vain are an error",
     [](const Machine &m) { return m.launch("part", -1, 32, m.memory) == 719; }},
};

} // namespace

// test KERNELS [NUMBER]: all tests, each in a process of its own, or one.
int main(int count, char **arguments) {
    if (count > 2) return tests[std::atoi(arguments[2])].passes(Machine(arguments[1])) ? 0 : 1;
    int failures = 0;
    for (size_t i = 0; i < tests.size(); ++i) {
        const std::string command = std::string(arguments[0]) + " " + arguments[1] + " " + std::to_string(i);
        const bool passed = std::system(command.c_str()) == 0;
        std::printf("%s  %s\n", passed ? "ok    " : "FAILED", tests[i].name);
        if (!passed) ++failures;
    }
    std::printf("%zu passed, %d failed\n", tests.size() - failures, failures);
    return failures == 0 ? 0 : 1;
}
