#pragma once

#include <cstring>
#include <stdexcept>

#include "memory.hpp"
#include "program.hpp"

namespace gpu {

// What is wrong with a program or with what it did.
struct Fault : std::runtime_error {
    using std::runtime_error::runtime_error;
};

// Memory that is not there, or not aligned.
struct AddressFault : Fault {
    using Fault::Fault;
};

// Lanes that execute together.
struct Group {
    enum State : uint8_t { ready, atBarrier, atCollective, atPredecessor };

    int at = 0;
    Mask mask = 0;
    State state = ready;
    uint32_t barrier = 0;
    uint32_t generation = 0;
    // Calls that these lanes are in, the instruction of each.
    int calls[4] = {-1, -1, -1, -1};
    int depth = 0;

    bool waits() const { return state == atBarrier || state == atPredecessor; }
    bool joins(const Group &other) const {
        return at == other.at && state == other.state && depth == other.depth &&
               std::memcmp(calls, other.calls, sizeof calls) == 0;
    }
};

struct Barrier {
    uint32_t arrived = 0;
    uint32_t generation = 0;
    // 0 means all threads that have not ended.
    uint32_t expected = 0;
    bool any = false;
    bool result = false;
};

// A copy to shared memory that has been asked for and not been waited for.
struct PendingCopy {
    Mask mask;
    uint32_t group;
    uint32_t bytes;
    // The rest is zeros.
    uint8_t filled[kLanes];
    uint32_t to[kLanes];
    const uint8_t *from[kLanes];
};

struct Block {
    uint32_t index[3] = {};
    std::vector<uint8_t> memory;
    uint8_t *shared = nullptr;
    uint32_t sharedBytes = 0;
    uint32_t liveThreads = 0;
    // Whether the launches before have ended, and whether the next one may start as far as this block goes.
    bool mayPass = true;
    bool isReleased = false;
    uint64_t random = 1;
    Barrier barriers[16];
    std::vector<std::unique_ptr<Warp>> warps;

    void complete(Barrier &barrier);
    void completeAll();
};

// 32 threads. Of those that have parted, the ones farthest behind go first, so that they meet again where the branches
// do.
struct Warp {
    const Program *program = nullptr;
    Memory *memory = nullptr;
    Block *block = nullptr;
    const std::vector<uint8_t> *parameters = nullptr;
    std::vector<uint8_t> file;
    std::vector<uint8_t> locals;
    std::vector<Group> groups;
    Mask live = 0;
    std::vector<PendingCopy> copies;
    uint32_t copyGroups[kLanes] = {};
    int at = 0;
    Range ranges[16] = {};

    // Executes up to so many instructions. Returns whether any was.
    bool run(long budget);
    bool isDone() const { return live == 0; }

    template <class T>
    T *row(const Operand &operand) {
        uint8_t *base = operand.isConstant ? const_cast<uint8_t *>(program->constants.data()) : file.data();
        return reinterpret_cast<T *>(base + operand.offset);
    }

    // Where `bytes` at an address of a space lie; throws unless they are there and aligned.
    uint8_t *place(Space space, uint64_t address, uint32_t bytes, int lane);

    // Ends copies of all groups but the last `pending`.
    void landCopies(Mask mask, uint32_t pending);
    // Ends the copy that was asked for last.
    void landNewest();

  private:
    void land(PendingCopy &copy, int lane);
    int choose();
    void wake(Group &group);
    void step(size_t index, long &budget);
    int nextMeeting(const Group &group) const;
    Mask guard(const Instruction &instruction) const;

    // What an instruction does to a group. Each returns whether the group goes on at once.
    bool follow(size_t index, const Instruction &instruction, Mask mask);
    bool wait(Group &group, Group::State state);
    bool branch(size_t index, const Instruction &instruction, Mask mask);
    bool arrive(Group &group, const Instruction &instruction, Mask mask);
    bool call(Group &group, const Instruction &instruction, Mask mask);
    bool leave(Group &group, Mask mask);
    bool end(size_t index, Mask mask);

    bool meets(Group &group, const Instruction &instruction, Mask mask);
};

} // namespace gpu
