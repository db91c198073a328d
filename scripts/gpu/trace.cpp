// Writes when each kernel of a process ran: a library that the CUDA driver loads into it, by CUPTI's activity records.
// Overlapping kernels keep their own times, and so do those of recorded graphs; a step takes some 5 % longer.
//
//     g++ -shared -fPIC -O1 -I$CUDA/include -o trace.so scripts/gpu/trace.cpp -L$CUDA/lib64 -lcupti
//     TRACE_OUT=FILE CUDA_INJECTION64_PATH=$PWD/trace.so punica-bench mixed --steps 8
//     python3 scripts/gpu/timeline.py FILE
//
// A line of FILE: start and end in ns, stream, blocks, threads of a block, name.
#include <cupti.h>

#include <cstdio>
#include <cstdlib>

namespace {

constexpr size_t kBufferBytes = 8 << 20;
FILE *out = nullptr;

void CUPTIAPI giveBuffer(uint8_t **buffer, size_t *size, size_t *mostRecords) {
    *buffer = static_cast<uint8_t *>(std::aligned_alloc(8, kBufferBytes));
    *size = *buffer == nullptr ? 0 : kBufferBytes;
    // As many as fit.
    *mostRecords = 0;
}

void CUPTIAPI takeBuffer(CUcontext, uint32_t, uint8_t *buffer, size_t, size_t used) {
    CUpti_Activity *record = nullptr;
    while (cuptiActivityGetNextRecord(buffer, used, &record) == CUPTI_SUCCESS) {
        if (record->kind != CUPTI_ACTIVITY_KIND_CONCURRENT_KERNEL) continue;
        // Later versions only add fields behind these.
        const auto *kernel = reinterpret_cast<const CUpti_ActivityKernel4 *>(record);
        std::fprintf(out, "%llu %llu %u %d %d %s\n", static_cast<unsigned long long>(kernel->start),
                     static_cast<unsigned long long>(kernel->end), kernel->streamId,
                     kernel->gridX * kernel->gridY * kernel->gridZ, kernel->blockX * kernel->blockY * kernel->blockZ,
                     kernel->name);
    }
    std::free(buffer);
}

void finish() {
    cuptiActivityFlushAll(CUPTI_ACTIVITY_FLAG_FLUSH_FORCED);
    std::fclose(out);
}

}  // namespace

// The driver calls this by its name before the process's first work.
extern "C" int InitializeInjection() {
    const char *path = std::getenv("TRACE_OUT");
    out = std::fopen(path == nullptr ? "trace.txt" : path, "w");
    if (out == nullptr) {
        std::perror("trace: TRACE_OUT");
        return 0;
    }
    if (cuptiActivityRegisterCallbacks(giveBuffer, takeBuffer) != CUPTI_SUCCESS ||
        cuptiActivityEnable(CUPTI_ACTIVITY_KIND_CONCURRENT_KERNEL) != CUPTI_SUCCESS) {
        std::fprintf(stderr, "trace: CUPTI records nothing here\n");
        return 0;
    }
    std::atexit(finish);
    return 1;
}
