#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

// PTX made ready to run: registers are places in a warp's file, instructions are functions.
namespace gpu {

constexpr int kLanes = 32;
// A bit for each lane of a warp.
using Mask = uint32_t;

struct Warp;
struct Instruction;

// Executes an instruction for some lanes.
using Operation = void (*)(Warp &, const Instruction &, Mask);

// 32 values side by side, one for each lane: of the warp's file or of the program's constants. A predicate is one Mask.
struct Operand {
    uint32_t offset = 0;
    // Bytes of a lane's value.
    uint32_t size = 0;
    bool isConstant = false;
};

enum class Space : uint8_t {
    generic,
    global,
    shared,
    // The launch's parameters.
    parameters,
    // A thread's own: arrays, and what goes to functions and back.
    local,
};

enum class Flow : uint8_t {
    next,
    branch,
    call,
    leave,
    exit,
    barrier,
    // Needs all lanes that it names.
    collective,
    // Waits for the launch before.
    predecessor,
    trap,
};

struct Instruction {
    Operation run = nullptr;
    Flow flow = Flow::next;
    bool isNegated = false;
    // Whether execution depends on a predicate, which is at `guard`.
    bool isGuarded = false;
    // For barriers.
    bool waits = true;
    bool reduces = false;
    Space space = Space::generic;
    uint32_t guard = 0;
    // Of a branch, or a function's start.
    int target = -1;
    std::vector<Operand> to;
    std::vector<Operand> from;
    // Added to an address; for functions' parameters, what is copied: from, to, bytes, three numbers each.
    int64_t displacement = 0;
    std::vector<uint32_t> passed;
    std::vector<uint32_t> returned;
    int line = 0;
};

struct Entry {
    std::string name;
    int start = 0;
    uint32_t parameterBytes = 0;
    // Where each lies, and its bytes.
    std::vector<std::pair<uint32_t, uint32_t>> parameters;
    // Without what a launch asks for, which begins at `dynamicStart`.
    uint32_t sharedBytes = 0;
    uint32_t dynamicStart = 0;
};

struct Program {
    std::vector<Instruction> code;
    std::vector<std::string> lines;
    std::map<std::string, Entry> entries;
    // Rows of constants; their addresses last as long as the program.
    std::vector<uint8_t> constants;
    // Of a warp.
    uint32_t fileBytes = 0;
    // Of a thread.
    uint32_t localBytes = 0;
    // Memory of `.global` variables.
    std::vector<std::unique_ptr<std::vector<uint8_t>>> globals;
};

// Rows that every warp has, ahead of the program's registers.
struct Special {
    enum : uint32_t {
        threadX,
        threadY,
        threadZ,
        blockX,
        blockY,
        blockZ,
        threadsX,
        threadsY,
        threadsZ,
        blocksX,
        blocksY,
        blocksZ,
        lane,
        warp,
        laneMaskLess,
        count,
    };
    static constexpr uint32_t rowBytes = 4 * kLanes;
    // Where parameters and local memory begin, as 64-bit rows.
    static constexpr uint32_t parameters = count * rowBytes;
    static constexpr uint32_t local = parameters + 2 * rowBytes;
    static constexpr uint32_t end = local + 2 * rowBytes;
};

} // namespace gpu
