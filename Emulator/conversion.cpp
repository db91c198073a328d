#include <cmath>
#include <limits>
#include <tuple>

#include "assembler.hpp"
#include "half.hpp"
#include "lanes.hpp"

namespace gpu {

namespace {

// To an integer: towards zero, or as `body` rounds; out of range the nearest, and 0 for what is no number.
template <class To, class From, double (*body)(double)>
To toInteger(From x) {
    if (x != x) return 0;
    const double y = body(double(x));
    if (y <= double(std::numeric_limits<To>::min())) return std::numeric_limits<To>::min();
    if (y >= double(std::numeric_limits<To>::max())) return std::numeric_limits<To>::max();
    return To(y);
}

template <class From, class To>
bool rounding(const Statement &s, Instruction &i) {
    if (s.has("rzi")) i.run = lanewise<To, toInteger<To, From, std::trunc>, From>;
    else if (s.has("rni")) i.run = lanewise<To, toInteger<To, From, std::nearbyint>, From>;
    else if (s.has("rmi")) i.run = lanewise<To, toInteger<To, From, std::floor>, From>;
    else if (s.has("rpi")) i.run = lanewise<To, toInteger<To, From, std::ceil>, From>;
    else return false;
    return true;
}

template <class To, class From>
bool number(const Statement &s, Instruction &i) {
    if constexpr (std::is_floating_point_v<From> && std::is_integral_v<To>) return rounding<From, To>(s, i);
    if constexpr (std::is_floating_point_v<From> && std::is_same_v<From, To>) {
        if (s.has("rzi")) return i.run = lanewise<To, [](From x) { return std::trunc(x); }, From>, true;
        if (s.has("rni")) return i.run = lanewise<To, [](From x) { return std::nearbyint(x); }, From>, true;
        if (s.has("rmi")) return i.run = lanewise<To, [](From x) { return std::floor(x); }, From>, true;
        if (s.has("rpi")) return i.run = lanewise<To, [](From x) { return std::ceil(x); }, From>, true;
    }
    if (s.has("sat") || s.has("rz") || s.has("rm") || s.has("rp")) return false;
    i.run = lanewise<To, [](From x) { return To(x); }, From>;
    return true;
}

// From the lowest bits of a register that has more than the type, such as `cvt.s32.s16 %r2, %r1`.
template <class To, class From>
bool narrower(Instruction &i) {
    if constexpr (std::is_integral_v<To> && std::is_integral_v<From>) {
        switch (i.from[0].size) {
            case 2: i.run = lanewise<To, [](uint16_t x) { return To(From(x)); }, uint16_t>; return true;
            case 4: i.run = lanewise<To, [](uint32_t x) { return To(From(x)); }, uint32_t>; return true;
            case 8: i.run = lanewise<To, [](uint64_t x) { return To(From(x)); }, uint64_t>; return true;
        }
    }
    return false;
}

// Between 16-bit floats and others.
bool half(Assembler &a, const Statement &s, Instruction &i) {
    const std::string &to = s.type(1), &from = s.type();
    i.to = {a.to(s.operands[0])};
    for (size_t k = 1; k < s.operands.size(); ++k) {
        i.from.push_back(a.from(s.operands[k], from == "f16" || from == "bf16" ? "b16" : from));
    }
    if (to == "f32" && from == "f16") i.run = lanewise<float, [](uint16_t x) { return widenHalf(x); }, uint16_t>;
    else if (to == "f32" && from == "bf16") i.run = lanewise<float, [](uint16_t x) { return widenBrain(x); }, uint16_t>;
    else if (!s.has("rn") || s.has("relu") || from != "f32") return false;
    else if (to == "f16") i.run = lanewise<uint16_t, [](float x) { return narrowHalf(x); }, float>;
    else if (to == "bf16") i.run = lanewise<uint16_t, [](float x) { return narrowBrain(x); }, float>;
    else if (to == "f16x2") {
        i.run = lanewise<
            uint32_t, [](float high, float low) { return uint32_t(narrowHalf(high)) << 16 | narrowHalf(low); }, float,
            float>;
    } else if (to == "bf16x2") {
        i.run = lanewise<
            uint32_t, [](float high, float low) { return uint32_t(narrowBrain(high)) << 16 | narrowBrain(low); }, float,
            float>;
    } else {
        return false;
    }
    return true;
}

// Takes a value apart, or puts it together of smaller ones, the lowest first.
void repack(Warp &warp, const Instruction &i, Mask mask) {
    for (int lane = 0; lane < kLanes; ++lane) {
        if (!(mask >> lane & 1)) continue;
        uint8_t bytes[16];
        size_t at = 0;
        for (const Operand &operand : i.from) {
            std::memcpy(bytes + at, warp.row<uint8_t>(operand) + lane * operand.size, operand.size);
            at += operand.size;
        }
        at = 0;
        for (const Operand &operand : i.to) {
            std::memcpy(warp.row<uint8_t>(operand) + lane * operand.size, bytes + at, operand.size);
            at += operand.size;
        }
    }
}

bool move(Assembler &a, const Statement &s, Instruction &i) {
    const std::string &type = s.type();
    const std::vector<std::string> to = Assembler::vector(s.operands[0]), from = Assembler::vector(s.operands[1]);
    const auto part = [&](size_t count) { return "b" + std::to_string(8 * bytesOf(type) / count); };
    for (const std::string &name : to) i.to.push_back(a.to(name));
    for (const std::string &name : from) i.from.push_back(a.from(name, part(from.size())));
    if (to.size() > 1 || from.size() > 1) return i.run = repack, true;
    return withNumber(
        type, [&](auto t) { i.run = lanewise<decltype(t), [](decltype(t) x) { return x; }, decltype(t)>; });
}

} // namespace

bool assembleConversion(Assembler &a, const Statement &s, Instruction &i) {
    if (s.words[0] == "mov") return move(a, s, i);
    // Global and local addresses are generic ones.
    if (s.words[0] == "cvta") {
        i.to = {a.to(s.operands[0])};
        i.from = {a.from(s.operands[1], "u64")};
        if (!s.has("shared")) {
            i.run = lanewise<uint64_t, [](uint64_t x) { return x; }, uint64_t>;
        } else if (s.has("to")) {
            i.run = [](Warp &warp, const Instruction &i, Mask mask) {
                for (int lane = 0; lane < kLanes; ++lane) {
                    if (!(mask >> lane & 1)) continue;
                    warp.row<uint64_t>(i.to[0])[lane] =
                        warp.row<uint64_t>(i.from[0])[lane] - reinterpret_cast<uint64_t>(warp.block->shared);
                }
            };
        } else {
            i.run = [](Warp &warp, const Instruction &i, Mask mask) {
                for (int lane = 0; lane < kLanes; ++lane) {
                    if (!(mask >> lane & 1)) continue;
                    warp.row<uint64_t>(i.to[0])[lane] =
                        warp.row<uint64_t>(i.from[0])[lane] + reinterpret_cast<uint64_t>(warp.block->shared);
                }
            };
        }
        return true;
    }
    if (s.words[0] != "cvt") return false;
    const std::string &to = s.type(1), &from = s.type();
    if (to.find("f16") != std::string::npos || from.find("f16") != std::string::npos) return half(a, s, i);
    i.to = {a.to(s.operands[0])};
    if (i.to[0].size != bytesOf(to)) return false;
    bool done = false;
    const bool isRegister = s.operands[1][0] == '%';
    if (isRegister && a.to(s.operands[1]).size > bytesOf(from)) {
        i.from = {a.to(s.operands[1])};
        withNumber(to, [&](auto t) {
            using To = decltype(t);
            if (from == "u8") done = narrower<To, uint8_t>(i);
            else if (from == "s8") done = narrower<To, int8_t>(i);
            else withInteger(from, [&](auto f) { done = narrower<To, decltype(f)>(i); });
        });
        return done;
    }
    i.from = {a.from(s.operands[1], from)};
    withNumber(to, [&](auto t) { withNumber(from, [&](auto f) { done = number<decltype(t), decltype(f)>(s, i); }); });
    return done;
}

} // namespace gpu
