#include <dlfcn.h>
#include <glob.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <vector>

#include "../Sources/CCUDA/include/NVRTC.h"

// NVRTC's functions that Sources/CUDA/NVRTCFunctions.swift asks for, by the real one, which is in another folder of
// PUNICA_CUDA_LIBRARIES: it compiles for the virtual architecture, and what it gives for machine code is PTX.

extern "C" nvrtcResult nvrtcVersion(int *major, int *minor);

namespace {

void *open(const std::string &pattern, int flags) {
    glob_t found{};
    void *library = nullptr;
    if (glob(pattern.c_str(), 0, nullptr, &found) == 0) {
        for (size_t i = 0; i < found.gl_pathc && !library; ++i) library = dlopen(found.gl_pathv[i], flags);
    }
    globfree(&found);
    return library;
}

void *realLibrary() {
    const char *variable = std::getenv("PUNICA_CUDA_LIBRARIES");
    std::string folders = variable ? variable : "";
    while (!folders.empty()) {
        const size_t colon = std::min(folders.find(':'), folders.size());
        const std::string folder = folders.substr(0, colon);
        folders.erase(0, colon + 1);
        open(folder + "/libnvrtc-builtins.so*", RTLD_NOW | RTLD_GLOBAL);
        void *library = open(folder + "/libnvrtc.so.1[0-9]", RTLD_NOW | RTLD_LOCAL);
        // This file goes by that name, too.
        if (library && dlsym(library, "nvrtcVersion") != reinterpret_cast<void *>(&nvrtcVersion)) return library;
    }
    std::fprintf(stderr, "emulated GPU: PUNICA_CUDA_LIBRARIES names no folder with NVIDIA's libnvrtc\n");
    std::exit(1);
}

template <class Function>
Function *real(const char *name) {
    static void *library = realLibrary();
    return reinterpret_cast<Function *>(dlsym(library, name));
}

} // namespace

extern "C" {

nvrtcResult nvrtcVersion(int *major, int *minor) {
    const nvrtcResult result = real<nvrtcResult(int *, int *)>("nvrtcVersion")(major, minor);
    // Another compiler than the real one, lest a cache takes PTX for machine code or the other way round.
    *minor += 9000;
    return result;
}

const char *nvrtcGetErrorString(nvrtcResult result) {
    return real<const char *(nvrtcResult)>("nvrtcGetErrorString")(result);
}

nvrtcResult nvrtcCreateProgram(
    nvrtcProgram *program, const char *source, const char *name, int count, const char *const *headers,
    const char *const *names) {
    return real<nvrtcResult(nvrtcProgram *, const char *, const char *, int, const char *const *, const char *const *)>(
        "nvrtcCreateProgram")(program, source, name, count, headers, names);
}

nvrtcResult nvrtcDestroyProgram(nvrtcProgram *program) {
    return real<nvrtcResult(nvrtcProgram *)>("nvrtcDestroyProgram")(program);
}

nvrtcResult nvrtcCompileProgram(nvrtcProgram program, int count, const char *const *options) {
    std::vector<std::string> changed(options, options + count);
    std::vector<const char *> pointers;
    for (std::string &option : changed) {
        if (const size_t at = option.find("=sm_"); at != std::string::npos) option.replace(at, 4, "=compute_");
        pointers.push_back(option.c_str());
    }
    return real<nvrtcResult(nvrtcProgram, int, const char *const *)>("nvrtcCompileProgram")(
        program, count, pointers.data());
}

nvrtcResult nvrtcGetCUBINSize(nvrtcProgram program, size_t *bytes) {
    return real<nvrtcResult(nvrtcProgram, size_t *)>("nvrtcGetPTXSize")(program, bytes);
}

nvrtcResult nvrtcGetCUBIN(nvrtcProgram program, char *code) {
    return real<nvrtcResult(nvrtcProgram, char *)>("nvrtcGetPTX")(program, code);
}

nvrtcResult nvrtcGetProgramLogSize(nvrtcProgram program, size_t *bytes) {
    return real<nvrtcResult(nvrtcProgram, size_t *)>("nvrtcGetProgramLogSize")(program, bytes);
}

nvrtcResult nvrtcGetProgramLog(nvrtcProgram program, char *log) {
    return real<nvrtcResult(nvrtcProgram, char *)>("nvrtcGetProgramLog")(program, log);
}

} // extern "C"
