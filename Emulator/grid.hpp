#pragma once

#include <atomic>
#include <vector>

#include "memory.hpp"
#include "program.hpp"

namespace gpu {

struct Launch {
    const Program *program = nullptr;
    const Entry *entry = nullptr;
    uint32_t grid[3] = {1, 1, 1};
    uint32_t block[3] = {1, 1, 1};
    uint32_t dynamicBytes = 0;
    // Blocks at a time, at most.
    uint32_t residentBlocks = 1;
    // Whether it may start when all blocks of the launch before have released it (programmatic dependent launch).
    bool overlaps = false;
    std::vector<uint8_t> parameters;
};

// Executes kernels in a stream's order. Throws `Fault`, also when `othersFailed` becomes true.
//
// Of what may run at a time the worst comes first: a launch starts as soon as it may and goes as far as it can before
// those ahead of it go on, and warps take turns of lengths by chance, the same for the same seed.
void execute(
    const std::vector<Launch> &launches, const Memory &memory, uint64_t seed, const std::atomic<bool> &othersFailed);

} // namespace gpu
