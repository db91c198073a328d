#include <bit>
#include <tuple>

#include "assembler.hpp"
#include "half.hpp"
#include "lanes.hpp"

namespace gpu {

namespace {

enum class Shuffle { up, down, butterfly, index };

// PTX ISA, shfl.sync: `limit` holds the last lane of a segment and, from bit 8, the mask of segments.
template <Shuffle kind>
void shuffle(Warp &warp, const Instruction &i, Mask mask) {
    const uint32_t *x = warp.row<uint32_t>(i.from[0]), *b = warp.row<uint32_t>(i.from[1]);
    const uint32_t *c = warp.row<uint32_t>(i.from[2]);
    uint32_t values[kLanes];
    Mask inside = 0;
    for (int lane = 0; lane < kLanes; ++lane) {
        if (!(mask >> lane & 1)) continue;
        const int by = b[lane] & 31, segments = c[lane] >> 8 & 31, bound = c[lane] & 31;
        const int last = (lane & segments) | (bound & ~segments), first = lane & segments;
        int from = lane;
        bool is = false;
        if constexpr (kind == Shuffle::up) from = lane - by, is = from >= last;
        else if constexpr (kind == Shuffle::down) from = lane + by, is = from <= last;
        else if constexpr (kind == Shuffle::butterfly) from = lane ^ by, is = from <= last;
        else from = first | (by & ~segments), is = from <= last;
        if (!is) from = lane;
        if (!(mask >> from & 1)) throw Fault("a lane shuffles from one that is not there");
        values[lane] = x[from];
        inside |= Mask(is) << lane;
    }
    uint32_t *to = warp.row<uint32_t>(i.to[0]);
    for (int lane = 0; lane < kLanes; ++lane) {
        if (mask >> lane & 1) to[lane] = values[lane];
    }
    if (i.to.size() > 1) {
        Mask *isInside = warp.row<Mask>(i.to[1]);
        *isInside = (*isInside & ~mask) | inside;
    }
}

bool shuffleInstruction(Assembler &a, const Statement &s, Instruction &i) {
    const size_t bar = s.operands[0].find('|');
    i.to = {a.to(s.operands[0].substr(0, bar))};
    if (bar != std::string::npos) i.to.push_back(a.to(s.operands[0].substr(bar + 1)));
    for (size_t k = 1; k < 5; ++k) i.from.push_back(a.from(s.operands[k], "b32"));
    if (s.has("up")) i.run = shuffle<Shuffle::up>;
    else if (s.has("down")) i.run = shuffle<Shuffle::down>;
    else if (s.has("bfly")) i.run = shuffle<Shuffle::butterfly>;
    else if (s.has("idx")) i.run = shuffle<Shuffle::index>;
    else return false;
    return true;
}

bool vote(Assembler &a, const Statement &s, Instruction &i) {
    i.to = {a.to(s.operands[0])};
    i.from = {a.from(s.operands[1], "pred"), a.from(s.operands[2], "b32")};
    if (s.has("ballot")) {
        i.run = [](Warp &warp, const Instruction &i, Mask mask) {
            const Mask bits = *warp.row<Mask>(i.from[0]) & mask;
            for (int lane = 0; lane < kLanes; ++lane) {
                if (mask >> lane & 1) warp.row<uint32_t>(i.to[0])[lane] = bits;
            }
        };
        return true;
    }
    if (!s.has("any") && !s.has("all")) return false;
    i.run = s.has("any") ? [](Warp &warp, const Instruction &i, Mask mask) {
        Mask *to = warp.row<Mask>(i.to[0]);
        *to = (*to & ~mask) | (*warp.row<Mask>(i.from[0]) & mask ? mask : 0);
    } : [](Warp &warp, const Instruction &i, Mask mask) {
        Mask *to = warp.row<Mask>(i.to[0]);
        *to = (*to & ~mask) | ((*warp.row<Mask>(i.from[0]) & mask) == mask ? mask : 0);
    };
    return true;
}

// bar.sync a{, b}; bar.red.or.pred p, a{, b}, c; barrier.sync and barrier.arrive likewise.
bool barrier(Assembler &a, const Statement &s, Instruction &i) {
    if (s.has("warp")) {
        i.flow = Flow::collective;
        i.from = {a.from(s.operands[0], "b32")};
        i.run = [](Warp &, const Instruction &, Mask) {};
        return true;
    }
    i.flow = Flow::barrier;
    i.waits = !s.has("arrive");
    size_t next = 0;
    if (s.has("red")) {
        if (!s.has("or")) return false;
        i.reduces = true;
        i.to = {a.to(s.operands[next++])};
    }
    i.from = {a.from(s.operands[next++], "u32"), Operand()};
    const size_t left = s.operands.size() - next;
    if (left == (i.reduces ? 2 : 1)) i.from[1] = a.from(s.operands[next++], "u32");
    if (i.reduces) i.from.push_back(a.from(s.operands[next], "pred"));
    return true;
}

// PTX ISA, ldmatrix: lanes 8m ... 8m + 7 have the addresses of matrix m's rows.
template <bool isTransposed>
void loadMatrices(Warp &warp, const Instruction &i, Mask mask) {
    const size_t count = i.to.size();
    const Operand &address = i.from[0];
    uint16_t rows[32][8];
    for (size_t row = 0; row < 8 * count; ++row) {
        const uint64_t base = address.size == 8 ? warp.row<uint64_t>(address)[row] : warp.row<uint32_t>(address)[row];
        std::memcpy(rows[row], warp.place(Space::shared, base + i.displacement, 16, int(row)), 16);
    }
    for (size_t m = 0; m < count; ++m) {
        uint32_t *to = warp.row<uint32_t>(i.to[m]);
        for (int lane = 0; lane < kLanes; ++lane) {
            const int row = lane / 4, column = lane % 4 * 2;
            const uint16_t low = isTransposed ? rows[8 * m + column][row] : rows[8 * m + row][column];
            const uint16_t high = isTransposed ? rows[8 * m + column + 1][row] : rows[8 * m + row][column + 1];
            to[lane] = uint32_t(high) << 16 | low;
        }
    }
    (void)mask;
}

// PTX ISA, mma.m16n8k16 with 16-bit factors and float32 sums. Products are exact, sums rounded one after the other.
template <float (*widen)(uint16_t)>
void multiply(Warp &warp, const Instruction &i, Mask mask) {
    float a[16][16], b[16][8], sums[16][8];
    const auto part = [&](const Operand &operand, int lane, int half) {
        return widen(uint16_t(warp.row<uint32_t>(operand)[lane] >> 16 * half));
    };
    for (int lane = 0; lane < kLanes; ++lane) {
        const int row = lane / 4, column = lane % 4 * 2;
        for (int half = 0; half < 2; ++half) {
            a[row][column + half] = part(i.from[0], lane, half);
            a[row + 8][column + half] = part(i.from[1], lane, half);
            a[row][column + 8 + half] = part(i.from[2], lane, half);
            a[row + 8][column + 8 + half] = part(i.from[3], lane, half);
            b[column + half][row] = part(i.from[4], lane, half);
            b[column + 8 + half][row] = part(i.from[5], lane, half);
            sums[row][column + half] = warp.row<float>(i.from[6 + half])[lane];
            sums[row + 8][column + half] = warp.row<float>(i.from[8 + half])[lane];
        }
    }
    for (int row = 0; row < 16; ++row) {
        for (int k = 0; k < 16; ++k) {
            for (int column = 0; column < 8; ++column) sums[row][column] += a[row][k] * b[k][column];
        }
    }
    for (int lane = 0; lane < kLanes; ++lane) {
        const int row = lane / 4, column = lane % 4 * 2;
        for (int half = 0; half < 2; ++half) {
            warp.row<float>(i.to[half])[lane] = sums[row][column + half];
            warp.row<float>(i.to[2 + half])[lane] = sums[row + 8][column + half];
        }
    }
    (void)mask;
}

bool matrices(Assembler &a, const Statement &s, Instruction &i) {
    i.flow = Flow::collective;
    for (const std::string &name : Assembler::vector(s.operands[0])) i.to.push_back(a.to(name));
    if (s.words[0] == "ldmatrix") {
        if (!s.has("m8n8") || !s.has("b16")) return false;
        a.address(i, s.operands[1], i.space);
        i.run = s.has("trans") ? loadMatrices<true> : loadMatrices<false>;
    } else {
        if (!s.has("m16n8k16") || s.words[s.words.size() - 4] != "f32" || s.type() != "f32") return false;
        for (size_t k = 1; k < 4; ++k) {
            for (const std::string &name : Assembler::vector(s.operands[k])) {
                i.from.push_back(a.from(name, k < 3 ? "b32" : "f32"));
            }
        }
        i.run = s.type(1) == "bf16" ? multiply<widenBrain> : multiply<widenHalf>;
    }
    i.from.push_back(a.constant(~0u, 4));
    return true;
}

} // namespace

bool assembleCollective(Assembler &a, const Statement &s, Instruction &i) {
    const std::string &name = s.words[0];
    if (name == "bar" || name == "barrier") return barrier(a, s, i);
    if (name == "ldmatrix" || name == "mma") return matrices(a, s, i);
    if (name != "shfl" && name != "vote") return false;
    i.flow = Flow::collective;
    return name == "shfl" ? shuffleInstruction(a, s, i) : vote(a, s, i);
}

} // namespace gpu
