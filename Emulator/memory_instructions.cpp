#include <algorithm>
#include <tuple>

#include "assembler.hpp"
#include "lanes.hpp"

namespace gpu {

namespace {

inline uint64_t addressOf(Warp &warp, const Instruction &i, const Operand &operand, int lane) {
    const uint64_t base = operand.size == 8 ? warp.row<uint64_t>(operand)[lane] : warp.row<uint32_t>(operand)[lane];
    return base + i.displacement;
}

template <class Stored, class Register>
void load(Warp &warp, const Instruction &i, Mask mask) {
    const uint32_t count = uint32_t(i.to.size());
    for (int lane = 0; lane < kLanes; ++lane) {
        if (!(mask >> lane & 1)) continue;
        const uint64_t address = addressOf(warp, i, i.from[0], lane);
        const uint8_t *place = warp.place(i.space, address, count * sizeof(Stored), lane);
        for (uint32_t k = 0; k < count; ++k) {
            Stored value;
            std::memcpy(&value, place + k * sizeof(Stored), sizeof value);
            warp.row<Register>(i.to[k])[lane] = Register(value);
        }
    }
}

// Registers may be wider than what is stored of them.
template <class Stored, class Register>
void store(Warp &warp, const Instruction &i, Mask mask) {
    const uint32_t count = uint32_t(i.from.size() - 1);
    for (int lane = 0; lane < kLanes; ++lane) {
        if (!(mask >> lane & 1)) continue;
        const uint64_t address = addressOf(warp, i, i.from[0], lane);
        uint8_t *place = warp.place(i.space, address, count * sizeof(Stored), lane);
        for (uint32_t k = 0; k < count; ++k) {
            const auto value = Stored(warp.row<Register>(i.from[k + 1])[lane]);
            std::memcpy(place + k * sizeof(Stored), &value, sizeof value);
        }
    }
}

// `body` is called with a value of the type as it lies in memory, and one as large as a register.
template <class Body>
bool withSizes(const std::string &type, uint32_t registerBytes, Body body) {
    const auto inner = [&](auto stored) {
        using Stored = decltype(stored);
        const auto as = [&]<class Integer16, class Integer32, class Integer64>() {
            if (registerBytes == 2) return body(stored, Integer16{}), true;
            if (registerBytes == 4) return body(stored, Integer32{}), true;
            if (registerBytes == 8) return body(stored, Integer64{}), true;
            return false;
        };
        if constexpr (std::is_signed_v<Stored>) return as.template operator()<int16_t, int32_t, int64_t>();
        else return as.template operator()<uint16_t, uint32_t, uint64_t>();
    };
    if (type == "u8" || type == "b8") return inner(uint8_t{});
    if (type == "s8") return inner(int8_t{});
    if (type == "f32") return inner(uint32_t{});
    if (type == "f64") return inner(uint64_t{});
    bool done = false;
    return withInteger(type, [&](auto stored) { done = inner(stored); }) && done;
}

Space spaceOf(const Statement &s) {
    if (s.has("global")) return Space::global;
    if (s.has("shared")) return Space::shared;
    if (s.has("local")) return Space::local;
    if (s.has("param")) return Space::parameters;
    return Space::generic;
}

bool loadOrStore(Assembler &a, const Statement &s, Instruction &i) {
    const bool loads = s.words[0] == "ld";
    i.space = spaceOf(s);
    a.address(i, s.operands[loads ? 1 : 0], i.space);
    uint32_t registerBytes = 0;
    for (const std::string &name : Assembler::vector(s.operands[loads ? 0 : 1])) {
        const bool isRegister = name[0] == '%';
        const Operand operand = isRegister ? a.to(name) : a.from(name, s.type());
        registerBytes = operand.size;
        (loads ? i.to : i.from).push_back(operand);
    }
    return withSizes(s.type(), registerBytes, [&](auto stored, auto held) {
        i.run = loads ? load<decltype(stored), decltype(held)> : store<decltype(stored), decltype(held)>;
    });
}

// One lane after the other, in their order.
template <class T, auto body>
void atomic(Warp &warp, const Instruction &i, Mask mask) {
    for (int lane = 0; lane < kLanes; ++lane) {
        if (!(mask >> lane & 1)) continue;
        uint8_t *place = warp.place(i.space, addressOf(warp, i, i.from[0], lane), sizeof(T), lane);
        T before;
        std::memcpy(&before, place, sizeof before);
        const T after = body(before, warp.row<T>(i.from[1])[lane], warp.row<T>(i.from.back())[lane]);
        std::memcpy(place, &after, sizeof after);
        if (!i.to.empty()) warp.row<T>(i.to[0])[lane] = before;
    }
}

bool atomicInstruction(Assembler &a, const Statement &s, Instruction &i) {
    const bool answers = s.words[0] == "atom";
    const std::string &type = s.type();
    i.space = spaceOf(s);
    if (answers) i.to = {a.to(s.operands[0])};
    a.address(i, s.operands[answers ? 1 : 0], i.space);
    for (size_t k = answers ? 2 : 1; k < s.operands.size(); ++k) i.from.push_back(a.from(s.operands[k], type));
    bool done = false;
    withNumber(type, [&](auto t) {
        using T = decltype(t);
        done = true;
        if (s.has("add")) i.run = atomic<T, [](T x, T y, T) { return T(x + y); }>;
        else if (s.has("min")) i.run = atomic<T, [](T x, T y, T) { return std::min(x, y); }>;
        else if (s.has("max")) i.run = atomic<T, [](T x, T y, T) { return std::max(x, y); }>;
        else if (s.has("exch")) i.run = atomic<T, [](T, T y, T) { return y; }>;
        else if (s.has("cas")) i.run = atomic<T, [](T x, T y, T z) { return x == y ? z : x; }>;
        else if (s.has("inc")) i.run = atomic<T, [](T x, T y, T) { return x >= y ? T(0) : T(x + 1); }>;
        else if constexpr (std::is_integral_v<T>) {
            if (s.has("or")) i.run = atomic<T, [](T x, T y, T) { return T(x | y); }>;
            else if (s.has("and")) i.run = atomic<T, [](T x, T y, T) { return T(x & y); }>;
            else done = false;
        } else {
            done = false;
        }
    });
    return done;
}

// Lands at once or when it is waited for, by chance, so that both a wait that is missing shows and a place that is
// written while it is still read.
void copy(Warp &warp, const Instruction &i, Mask mask) {
    PendingCopy pending{};
    pending.mask = mask;
    pending.bytes = *warp.row<uint32_t>(i.from[2]);
    for (int lane = 0; lane < kLanes; ++lane) {
        if (!(mask >> lane & 1)) continue;
        const uint32_t filled = std::min(pending.bytes, warp.row<uint32_t>(i.from[3])[lane]);
        const Operand &to = i.from[0];
        const uint64_t target = to.size == 8 ? warp.row<uint64_t>(to)[lane] : warp.row<uint32_t>(to)[lane];
        warp.place(Space::shared, target, pending.bytes, lane);
        pending.to[lane] = uint32_t(target);
        pending.filled[lane] = uint8_t(filled);
        const uint64_t source = warp.row<uint64_t>(i.from[1])[lane];
        if (filled) pending.from[lane] = warp.place(Space::global, source, pending.bytes, lane);
        pending.group = warp.copyGroups[lane];
    }
    warp.copies.push_back(pending);
    warp.block->random = warp.block->random * 6364136223846793005 + 1442695040888963407;
    if (warp.block->random >> 63) warp.landNewest();
}

bool asynchronousCopy(Assembler &a, const Statement &s, Instruction &i) {
    if (s.has("commit_group")) {
        i.run = [](Warp &warp, const Instruction &, Mask mask) {
            for (int lane = 0; lane < kLanes; ++lane) warp.copyGroups[lane] += mask >> lane & 1;
        };
        return true;
    }
    if (s.has("wait_group")) {
        i.from = {a.from(s.operands[0], "u32")};
        i.run = [](Warp &warp, const Instruction &i, Mask mask) {
            warp.landCopies(mask, *warp.row<uint32_t>(i.from[0]));
        };
        return true;
    }
    if (!s.has("shared") || s.has("bulk") || s.has("mbarrier")) return false;
    a.address(i, s.operands[0], i.space);
    a.address(i, s.operands[1], i.space);
    if (i.displacement != 0) return false;
    i.from.push_back(a.from(s.operands[2], "u32"));
    i.from.push_back(s.operands.size() > 3 ? a.from(s.operands[3], "u32") : i.from.back());
    i.run = copy;
    return true;
}

} // namespace

bool assembleMemory(Assembler &a, const Statement &s, Instruction &i) {
    const std::string &name = s.words[0];
    if (name == "ld" || name == "st") return loadOrStore(a, s, i);
    if (name == "atom" || name == "red") return atomicInstruction(a, s, i);
    if (name == "cp" && s.words[1] == "async") return asynchronousCopy(a, s, i);
    if (name == "griddepcontrol") {
        if (s.has("wait")) i.flow = Flow::predecessor;
        else i.run = [](Warp &warp, const Instruction &, Mask) { warp.block->isReleased = true; };
        return true;
    }
    // There is no cache whose policy it could be.
    if (name == "createpolicy") {
        i.to = {a.to(s.operands[0])};
        i.run = [](Warp &warp, const Instruction &i, Mask mask) {
            for (int lane = 0; lane < kLanes; ++lane) {
                if (mask >> lane & 1) warp.row<uint64_t>(i.to[0])[lane] = 0;
            }
        };
        return true;
    }
    // One thread's instructions after the other's: nothing to order.
    if (name == "fence" || name == "membar" || name == "prefetch" || name == "discard") {
        i.run = [](Warp &, const Instruction &, Mask) {};
        return true;
    }
    return false;
}

} // namespace gpu
