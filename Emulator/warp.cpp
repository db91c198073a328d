#include "warp.hpp"

#include <algorithm>
#include <bit>
#include <climits>

namespace gpu {

bool Warp::run(long budget) {
    bool ran = false;
    while (budget > 0) {
        const int index = choose();
        if (index < 0) break;
        ran = true;
        step(index, budget);
    }
    return ran;
}

// Lets lanes go on whose barrier is complete, or whose predecessor has ended.
void Warp::wake(Group &group) {
    if (group.state == Group::atPredecessor && block->mayPass) {
        group.state = Group::ready;
        ++group.at;
    }
    if (group.state != Group::atBarrier || block->barriers[group.barrier].generation == group.generation) return;
    const Instruction &instruction = program->code[group.at];
    if (instruction.reduces) {
        Mask *result = row<Mask>(instruction.to[0]);
        const Mask bits = block->barriers[group.barrier].result ? group.mask : 0;
        *result = (*result & ~group.mask) | bits;
    }
    group.state = Group::ready;
    ++group.at;
}

// Lets lanes that have met go on together, and picks the group that is farthest behind; -1 when all wait.
int Warp::choose() {
    for (Group &group : groups) wake(group);
    for (size_t i = 0; i < groups.size(); ++i) {
        for (size_t k = groups.size() - 1; k > i; --k) {
            Group &one = groups[i], &other = groups[k];
            if (one.waits() || other.waits()) continue;
            const Group::State state = one.state;
            one.state = other.state;
            const bool joins = one.joins(other);
            one.state = state;
            if (!joins) continue;
            one.mask |= other.mask;
            one.state = Group::ready;
            groups.erase(groups.begin() + k);
        }
    }
    int best = -1;
    bool waitsForOthers = false;
    for (size_t i = 0; i < groups.size(); ++i) {
        if (groups[i].waits()) waitsForOthers = true;
        if (groups[i].state == Group::ready && (best < 0 || groups[i].at < groups[best].at)) best = int(i);
    }
    if (best < 0 && !groups.empty() && !waitsForOthers) throw Fault("lanes wait for lanes that never come");
    return best;
}

// Executes a group's instructions until it waits, parts, or comes to where another one is.
void Warp::step(size_t index, long &budget) {
    const int limit = nextMeeting(groups[index]);
    while (budget-- > 0) {
        Group &group = groups[index];
        at = group.at;
        const Instruction &instruction = program->code[at];
        const Mask mask = group.mask & guard(instruction);
        if (mask == 0) {
            ++group.at;
        } else if (instruction.flow == Flow::next) {
            instruction.run(*this, instruction, mask);
            ++group.at;
        } else if (!follow(index, instruction, mask)) {
            return;
        }
        if (groups[index].at >= limit) return;
    }
}

// The nearest place ahead of a group where lanes are that do not wait for others.
int Warp::nextMeeting(const Group &group) const {
    int nearest = INT_MAX;
    for (const Group &other : groups) {
        if (!other.waits() && other.at > group.at) nearest = std::min(nearest, other.at);
    }
    return nearest;
}

// The lanes whose predicate lets them execute an instruction.
Mask Warp::guard(const Instruction &instruction) const {
    if (!instruction.isGuarded) return ~Mask{0};
    const Mask predicate = *reinterpret_cast<const Mask *>(file.data() + instruction.guard);
    return instruction.isNegated ? ~predicate : predicate;
}

// Executes an instruction at which lanes may wait, part or jump. Returns whether the group goes on at once.
bool Warp::follow(size_t index, const Instruction &instruction, Mask mask) {
    Group &group = groups[index];
    switch (instruction.flow) {
        case Flow::branch: return branch(index, instruction, mask);
        case Flow::barrier: return arrive(group, instruction, mask);
        case Flow::call: return call(group, instruction, mask);
        case Flow::leave: return leave(group, mask);
        case Flow::exit: return end(index, mask);
        case Flow::trap: throw Fault("trap");
        case Flow::collective:
            if (!meets(group, instruction, mask)) return wait(group, Group::atCollective);
            instruction.run(*this, instruction, mask);
            break;
        case Flow::predecessor:
            if (!block->mayPass) return wait(group, Group::atPredecessor);
            break;
        case Flow::next: break;
    }
    ++group.at;
    return true;
}

bool Warp::wait(Group &group, Group::State state) {
    group.state = state;
    return false;
}

bool Warp::branch(size_t index, const Instruction &instruction, Mask mask) {
    if (mask == groups[index].mask) {
        groups[index].at = instruction.target;
        return true;
    }
    Group other = groups[index];
    other.mask = mask;
    other.at = instruction.target;
    groups[index].mask &= ~mask;
    ++groups[index].at;
    groups.push_back(other);
    return false;
}

// Whether all lanes that an instruction names are here.
bool Warp::meets(Group &group, const Instruction &instruction, Mask mask) {
    const Mask members = row<Mask>(instruction.from.back())[std::countr_zero(mask)] & live;
    if ((members & ~mask) == 0) return true;
    if (mask != group.mask) throw Fault("some lanes of a warp pass by an instruction that names them");
    return false;
}

bool Warp::arrive(Group &group, const Instruction &instruction, Mask mask) {
    if (mask != group.mask) throw Fault("some lanes of a warp pass a barrier by");
    // Lanes of a warp may come one after the other, and those that are still to come have no number yet.
    const int lane = std::countr_zero(mask);
    const uint32_t number = row<uint32_t>(instruction.from[0])[lane];
    if (number >= 16) throw Fault("there are sixteen barriers");
    Barrier &barrier = block->barriers[number];
    barrier.expected = instruction.from[1].size ? row<uint32_t>(instruction.from[1])[lane] : 0;
    barrier.arrived += std::popcount(group.mask);
    if (instruction.reduces) barrier.any |= (*row<Mask>(instruction.from[2]) & group.mask) != 0;
    if (!instruction.waits) {
        ++group.at;
        block->complete(barrier);
        return true;
    }
    group.barrier = number;
    group.generation = barrier.generation;
    block->complete(barrier);
    return wait(group, Group::atBarrier);
}

void Block::complete(Barrier &barrier) {
    const uint32_t expected = barrier.expected ? barrier.expected : liveThreads;
    if (barrier.arrived == 0 || barrier.arrived < expected) return;
    if (barrier.arrived > expected) throw Fault("more threads at a barrier than it is for");
    barrier.arrived = 0;
    barrier.result = barrier.any;
    barrier.any = false;
    ++barrier.generation;
}

void Block::completeAll() {
    for (Barrier &barrier : barriers) {
        if (barrier.expected == 0) complete(barrier);
    }
}

bool Warp::call(Group &group, const Instruction &instruction, Mask mask) {
    if (mask != group.mask) throw Fault("a call by some lanes alone is not implemented");
    if (group.depth == 4) throw Fault("calls are too deep");
    for (int lane = 0; lane < kLanes; ++lane) {
        if (!(group.mask >> lane & 1)) continue;
        uint8_t *local = locals.data() + lane * program->localBytes;
        for (size_t i = 0; i < instruction.passed.size(); i += 3) {
            std::memcpy(local + instruction.passed[i + 1], local + instruction.passed[i], instruction.passed[i + 2]);
        }
    }
    group.calls[group.depth++] = group.at;
    group.at = instruction.target;
    return false;
}

bool Warp::leave(Group &group, Mask mask) {
    if (mask != group.mask) throw Fault("a return of some lanes alone is not implemented");
    const int from = group.calls[--group.depth];
    group.calls[group.depth] = -1;
    const Instruction &call = program->code[from];
    for (int lane = 0; lane < kLanes; ++lane) {
        if (!(group.mask >> lane & 1)) continue;
        uint8_t *local = locals.data() + lane * program->localBytes;
        for (size_t i = 0; i < call.returned.size(); i += 3) {
            std::memcpy(local + call.returned[i + 1], local + call.returned[i], call.returned[i + 2]);
        }
    }
    group.at = from + 1;
    return false;
}

bool Warp::end(size_t index, Mask mask) {
    groups[index].mask &= ~mask;
    ++groups[index].at;
    if (groups[index].mask == 0) groups.erase(groups.begin() + index);
    for (PendingCopy &copy : copies) {
        for (int lane = 0; lane < kLanes; ++lane) {
            if (copy.mask & mask & 1u << lane) land(copy, lane);
        }
    }
    live &= ~mask;
    block->liveThreads -= std::popcount(mask);
    block->completeAll();
    return false;
}

void Warp::landCopies(Mask mask, uint32_t pending) {
    for (PendingCopy &copy : copies) {
        for (int lane = 0; lane < kLanes; ++lane) {
            if ((copy.mask & mask & 1u << lane) && copy.group + pending < copyGroups[lane]) land(copy, lane);
        }
    }
    std::erase_if(copies, [](const PendingCopy &copy) { return copy.mask == 0; });
}

void Warp::landNewest() {
    PendingCopy &copy = copies.back();
    for (int lane = 0; lane < kLanes; ++lane) {
        if (copy.mask >> lane & 1) land(copy, lane);
    }
    copies.pop_back();
}

void Warp::land(PendingCopy &copy, int lane) {
    uint8_t *to = block->shared + copy.to[lane];
    std::memcpy(to, copy.from[lane], copy.filled[lane]);
    std::memset(to + copy.filled[lane], 0, copy.bytes - copy.filled[lane]);
    copy.mask &= ~(1u << lane);
}

uint8_t *Warp::place(Space space, uint64_t address, uint32_t bytes, int lane) {
    const auto fail = [&](const char *what) {
        static const char *const names[] = {"generic", "global", "shared", "parameter", "local"};
        char text[256];
        std::snprintf(
            text, sizeof text, "%u bytes at %s address 0x%llx of lane %d %s", bytes, names[int(space)],
            static_cast<unsigned long long>(address), lane, what);
        throw AddressFault(text);
    };
    if (address % bytes != 0) fail("are not aligned");
    if (space == Space::shared) {
        if (address + bytes > block->sharedBytes) fail("lie outside the block's memory");
        return block->shared + address;
    }
    Range &range = ranges[at & 15];
    if (range.holds(address, bytes)) return reinterpret_cast<uint8_t *>(address);
    const auto of = [](const std::vector<uint8_t> &bytes) {
        const auto start = reinterpret_cast<uint64_t>(bytes.data());
        return Range{start, start + bytes.size()};
    };
    const auto shared = reinterpret_cast<uint64_t>(block->shared);
    if (space != Space::global) {
        for (const Range &other : {of(locals), of(*parameters), Range{shared, shared + block->sharedBytes}}) {
            if (other.holds(address, bytes)) return reinterpret_cast<uint8_t *>(address);
        }
    }
    range = memory->find(address);
    if (!range.holds(address, bytes)) fail("lie in no memory");
    return reinterpret_cast<uint8_t *>(address);
}

} // namespace gpu
