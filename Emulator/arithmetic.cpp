#include <bit>
#include <cmath>
#include <set>
#include <tuple>
#include <type_traits>

#include "assembler.hpp"
#include "lanes.hpp"

namespace gpu {

namespace {

template <class T>
using Unsigned = std::make_unsigned_t<T>;

// Operands of one type, and the function that computes them.
template <class T, auto body, class... Same>
void same(Assembler &assembler, const Statement &s, Instruction &i, const std::string &type) {
    i.to = {assembler.to(s.operands[0])};
    for (size_t k = 1; k <= sizeof...(Same); ++k) i.from.push_back(assembler.from(s.operands[k], type));
    i.run = lanewise<T, body, Same...>;
}

template <class T>
bool integer(Assembler &a, const Statement &s, Instruction &i, const std::string &type) {
    using U = Unsigned<T>;
    // Two bytes are multiplied as ints, which may overflow.
    using Wide = std::conditional_t<sizeof(T) == 2, uint32_t, U>;
    const std::string &name = s.words[0];
    if (name == "add") {
        same<T, [](T x, T y) { return T(U(x) + U(y)); }, T, T>(a, s, i, type);
    } else if (name == "sub") {
        same<T, [](T x, T y) { return T(U(x) - U(y)); }, T, T>(a, s, i, type);
    } else if (name == "mul" && s.has("lo")) {
        same<T, [](T x, T y) { return T(Wide(x) * Wide(y)); }, T, T>(a, s, i, type);
    } else if (name == "mad" && s.has("lo")) {
        same<T, [](T x, T y, T z) { return T(Wide(x) * Wide(y) + Wide(z)); }, T, T, T>(a, s, i, type);
    } else if (name == "div") {
        same<
            T,
            [](T x, T y) {
                return y == 0 ? T(-1) : y == T(-1) ? T(std::is_signed_v<T> ? U(0) - U(x) : x / y) : T(x / y);
            },
            T, T>(a, s, i, type);
    } else if (name == "rem") {
        same<T, [](T x, T y) { return y == 0 || (std::is_signed_v<T> && y == T(-1)) ? T(0) : T(x % y); }, T, T>(
            a, s, i, type);
    } else if (name == "min") {
        same<T, [](T x, T y) { return x < y ? x : y; }, T, T>(a, s, i, type);
    } else if (name == "max") {
        same<T, [](T x, T y) { return x > y ? x : y; }, T, T>(a, s, i, type);
    } else if (name == "neg") {
        same<T, [](T x) { return T(U(0) - U(x)); }, T>(a, s, i, type);
    } else if (name == "abs") {
        same<T, [](T x) { return x < T(0) ? T(U(0) - U(x)) : x; }, T>(a, s, i, type);
    } else if (name == "and") {
        same<T, [](T x, T y) { return T(x & y); }, T, T>(a, s, i, type);
    } else if (name == "or") {
        same<T, [](T x, T y) { return T(x | y); }, T, T>(a, s, i, type);
    } else if (name == "xor") {
        same<T, [](T x, T y) { return T(x ^ y); }, T, T>(a, s, i, type);
    } else if (name == "not") {
        same<T, [](T x) { return T(~x); }, T>(a, s, i, type);
    } else {
        return false;
    }
    return true;
}

// Products of 32 bits from two of 16, and of 64 from two of 32.
template <class T, class Twice>
void wide(Assembler &a, const Statement &s, Instruction &i, const std::string &type, const std::string &twice) {
    i.to = {a.to(s.operands[0])};
    i.from = {a.from(s.operands[1], type), a.from(s.operands[2], type)};
    if (s.words[0] == "mad") {
        i.from.push_back(a.from(s.operands[3], twice));
        i.run = lanewise<
            Twice, [](T x, T y, Twice z) { return Twice(std::make_unsigned_t<Twice>(Twice(x) * Twice(y)) + z); }, T, T,
            Twice>;
    } else {
        i.run = lanewise<Twice, [](T x, T y) { return Twice(Twice(x) * Twice(y)); }, T, T>;
    }
}

bool wideOrHigh(Assembler &a, const Statement &s, Instruction &i, const std::string &type) {
    if (s.words[0] != "mul" && s.words[0] != "mad") return false;
    if (s.has("wide")) {
        if (type == "s16") return wide<int16_t, int32_t>(a, s, i, type, "s32"), true;
        if (type == "u16") return wide<uint16_t, uint32_t>(a, s, i, type, "u32"), true;
        if (type == "s32") return wide<int32_t, int64_t>(a, s, i, type, "s64"), true;
        if (type == "u32") return wide<uint32_t, uint64_t>(a, s, i, type, "u64"), true;
    }
    if (s.has("hi") && s.words[0] == "mul") {
        if (type == "s32") {
            return same<int32_t, [](int32_t x, int32_t y) { return int32_t(int64_t(x) * y >> 32); }, int32_t, int32_t>(
                       a, s, i, type),
                   true;
        }
        if (type == "u32") {
            return same<
                       uint32_t, [](uint32_t x, uint32_t y) { return uint32_t(uint64_t(x) * y >> 32); }, uint32_t,
                       uint32_t>(a, s, i, type),
                   true;
        }
        if (type == "u64") {
            return same<
                       uint64_t, [](uint64_t x, uint64_t y) { return uint64_t((unsigned __int128)x * y >> 64); },
                       uint64_t, uint64_t>(a, s, i, type),
                   true;
        }
    }
    return false;
}

// The count is a 32-bit number; what is shifted out is lost, however far.
template <class T>
void shift(Assembler &a, const Statement &s, Instruction &i, const std::string &type) {
    constexpr uint32_t bits = 8 * sizeof(T);
    i.to = {a.to(s.operands[0])};
    i.from = {a.from(s.operands[1], type), a.from(s.operands[2], "u32")};
    if (s.words[0] == "shl") {
        i.run = lanewise<T, [](T x, uint32_t n) { return n >= bits ? T(0) : T(Unsigned<T>(x) << n); }, T, uint32_t>;
    } else {
        i.run = lanewise<T, [](T x, uint32_t n) { return n >= bits ? T(x < T(0) ? -1 : 0) : T(x >> n); }, T, uint32_t>;
    }
}

uint32_t permute(uint32_t a, uint32_t b, uint32_t selector) {
    const uint64_t bytes = uint64_t(b) << 32 | a;
    uint32_t result = 0;
    for (int i = 0; i < 4; ++i) {
        const uint32_t which = selector >> 4 * i;
        uint32_t byte = bytes >> 8 * (which & 7) & 0xff;
        if (which & 8) byte = byte & 0x80 ? 0xff : 0;
        result |= byte << 8 * i;
    }
    return result;
}

template <class T>
T insert(T field, T into, uint32_t start, uint32_t count) {
    constexpr uint32_t bits = 8 * sizeof(T);
    start &= 255;
    count &= 255;
    if (count == 0 || start >= bits) return into;
    const T ones = count >= bits ? ~T(0) : (T(1) << count) - 1;
    return (into & ~(ones << start)) | (field & ones) << start;
}

template <class T>
T extract(T x, uint32_t start, uint32_t count) {
    constexpr uint32_t bits = 8 * sizeof(T);
    start &= 255;
    count &= 255;
    if (count == 0) return 0;
    const uint32_t last = std::min(start + count - 1, bits - 1);
    const bool isNegative = std::is_signed_v<T> && x >> last & 1;
    if (start >= bits) return isNegative ? T(-1) : T(0);
    const uint32_t kept = last - start + 1;
    const auto field = Unsigned<T>(x) >> start;
    const auto ones = kept >= bits ? ~Unsigned<T>(0) : (Unsigned<T>(1) << kept) - 1;
    return T((field & ones) | (isNegative ? ~ones : 0));
}

template <class T>
bool bits(Assembler &a, const Statement &s, Instruction &i, const std::string &type) {
    using U = Unsigned<T>;
    const std::string &name = s.words[0];
    if (name == "bfi") {
        i.to = {a.to(s.operands[0])};
        i.from = {
            a.from(s.operands[1], type), a.from(s.operands[2], type), a.from(s.operands[3], "u32"),
            a.from(s.operands[4], "u32")};
        i.run = lanewise<U, insert<U>, U, U, uint32_t, uint32_t>;
    } else if (name == "bfe") {
        i.to = {a.to(s.operands[0])};
        i.from = {a.from(s.operands[1], type), a.from(s.operands[2], "u32"), a.from(s.operands[3], "u32")};
        i.run = lanewise<T, extract<T>, T, uint32_t, uint32_t>;
    } else if (name == "clz") {
        same<uint32_t, [](U x) { return uint32_t(std::countl_zero(x)); }, U>(a, s, i, type);
    } else if (name == "popc") {
        same<uint32_t, [](U x) { return uint32_t(std::popcount(x)); }, U>(a, s, i, type);
    } else if (name == "bfind" && std::is_unsigned_v<T>) {
        // With `shiftamt`: how far the highest one is from the top.
        if (s.has("shiftamt")) {
            same<uint32_t, [](U x) { return x ? uint32_t(std::countl_zero(x)) : ~0u; }, U>(a, s, i, type);
        } else {
            same<uint32_t, [](U x) { return x ? uint32_t(8 * sizeof(U) - 1 - std::countl_zero(x)) : ~0u; }, U>(
                a, s, i, type);
        }
    } else {
        return false;
    }
    return true;
}

uint32_t reversed(uint32_t x) {
    uint32_t result = 0;
    for (int i = 0; i < 32; ++i) result |= (x >> i & 1) << (31 - i);
    return result;
}

template <class T>
bool floating(Assembler &a, const Statement &s, Instruction &i, const std::string &type) {
    const std::string &name = s.words[0];
    if (name == "add") {
        same<T, [](T x, T y) { return x + y; }, T, T>(a, s, i, type);
    } else if (name == "sub") {
        same<T, [](T x, T y) { return x - y; }, T, T>(a, s, i, type);
    } else if (name == "mul") {
        same<T, [](T x, T y) { return x * y; }, T, T>(a, s, i, type);
    } else if (name == "fma" || name == "mad") {
        same<T, [](T x, T y, T z) { return std::fma(x, y, z); }, T, T, T>(a, s, i, type);
    } else if (name == "div") {
        same<T, [](T x, T y) { return x / y; }, T, T>(a, s, i, type);
    } else if (name == "rcp") {
        same<T, [](T x) { return T(1) / x; }, T>(a, s, i, type);
    } else if (name == "sqrt") {
        same<T, [](T x) { return std::sqrt(x); }, T>(a, s, i, type);
    } else if (name == "rsqrt") {
        same<T, [](T x) { return T(1) / std::sqrt(x); }, T>(a, s, i, type);
    } else if (name == "ex2") {
        same<T, [](T x) { return std::exp2(x); }, T>(a, s, i, type);
    } else if (name == "lg2") {
        same<T, [](T x) { return std::log2(x); }, T>(a, s, i, type);
    } else if (name == "min") {
        same<T, [](T x, T y) { return std::fmin(x, y); }, T, T>(a, s, i, type);
    } else if (name == "max") {
        same<T, [](T x, T y) { return std::fmax(x, y); }, T, T>(a, s, i, type);
    } else if (name == "neg") {
        same<T, [](T x) { return -x; }, T>(a, s, i, type);
    } else if (name == "abs") {
        same<T, [](T x) { return std::fabs(x); }, T>(a, s, i, type);
    } else {
        return false;
    }
    return true;
}

template <class T, auto body>
void compare(Warp &warp, const Instruction &i, Mask mask) {
    const T *x = warp.row<T>(i.from[0]), *y = warp.row<T>(i.from[1]);
    Mask result = 0;
    for (int lane = 0; lane < kLanes; ++lane) result |= Mask(body(x[lane], y[lane])) << lane;
    Mask *to = warp.row<Mask>(i.to[0]);
    *to = (*to & ~mask) | (result & mask);
}

template <class T>
bool comparison(Assembler &a, const Statement &s, Instruction &i, const std::string &type) {
    if (s.words.size() > 3 + (s.has("ftz") ? 1u : 0u)) return false;
    i.to = {a.to(s.operands[0])};
    i.from = {a.from(s.operands[1], type), a.from(s.operands[2], type)};
    const std::string &how = s.words[1];
    // With a `u` at the end, what cannot be ordered is true; `lo`, `ls`, `hi` and `hs` are of unsigned numbers.
    if (how == "eq") i.run = compare<T, [](T x, T y) { return x == y; }>;
    else if (how == "ne") i.run = compare<T, [](T x, T y) { return x != y && x == x && y == y; }>;
    else if (how == "lt" || how == "lo") i.run = compare<T, [](T x, T y) { return x < y; }>;
    else if (how == "le" || how == "ls") i.run = compare<T, [](T x, T y) { return x <= y; }>;
    else if (how == "gt" || how == "hi") i.run = compare<T, [](T x, T y) { return x > y; }>;
    else if (how == "ge" || how == "hs") i.run = compare<T, [](T x, T y) { return x >= y; }>;
    else if (how == "equ") i.run = compare<T, [](T x, T y) { return !(x < y) && !(x > y); }>;
    else if (how == "neu") i.run = compare<T, [](T x, T y) { return x != y; }>;
    else if (how == "ltu") i.run = compare<T, [](T x, T y) { return !(x >= y); }>;
    else if (how == "leu") i.run = compare<T, [](T x, T y) { return !(x > y); }>;
    else if (how == "gtu") i.run = compare<T, [](T x, T y) { return !(x <= y); }>;
    else if (how == "geu") i.run = compare<T, [](T x, T y) { return !(x < y); }>;
    else if (how == "num") i.run = compare<T, [](T x, T y) { return x == x && y == y; }>;
    else if (how == "nan") i.run = compare<T, [](T x, T y) { return x != x || y != y; }>;
    else return false;
    return true;
}

template <class T>
void select(Warp &warp, const Instruction &i, Mask mask) {
    T *to = warp.row<T>(i.to[0]);
    const T *x = warp.row<T>(i.from[0]), *y = warp.row<T>(i.from[1]);
    const Mask which = *warp.row<Mask>(i.from[2]);
    for (int lane = 0; lane < kLanes; ++lane) {
        if (mask >> lane & 1) to[lane] = which >> lane & 1 ? x[lane] : y[lane];
    }
}

template <auto body>
void logic(Warp &warp, const Instruction &i, Mask mask) {
    Mask *to = warp.row<Mask>(i.to[0]);
    const Mask x = *warp.row<Mask>(i.from[0]), y = *warp.row<Mask>(i.from.back());
    *to = (*to & ~mask) | (body(x, y) & mask);
}

bool predicates(Assembler &a, const Statement &s, Instruction &i) {
    i.to = {a.to(s.operands[0])};
    if (s.words[0] == "mov" && s.operands[1][0] != '%') {
        // A number: all lanes' bits.
        i.from = {a.constant(std::stoi(s.operands[1]) ? ~0u : 0u, 4)};
        i.run = logic<[](Mask x, Mask) { return x; }>;
        return true;
    }
    for (size_t k = 1; k < s.operands.size(); ++k) i.from.push_back(a.from(s.operands[k], "pred"));
    const std::string &name = s.words[0];
    if (name == "and") i.run = logic<[](Mask x, Mask y) { return x & y; }>;
    else if (name == "or") i.run = logic<[](Mask x, Mask y) { return x | y; }>;
    else if (name == "xor") i.run = logic<[](Mask x, Mask y) { return x ^ y; }>;
    else if (name == "not") i.run = logic<[](Mask x, Mask) { return ~x; }>;
    else if (name == "mov") i.run = logic<[](Mask x, Mask) { return x; }>;
    else return false;
    return true;
}

} // namespace

bool assembleArithmetic(Assembler &a, const Statement &s, Instruction &i) {
    const std::string &name = s.words[0], &type = s.type();
    if (type == "pred" && name != "setp") return predicates(a, s, i);
    if (name == "mov" || name == "cvt" || name == "ld" || name == "st" || name == "atom" || name == "cvta")
        return false;
    for (size_t k = name == "setp" ? 2 : 1; k + 1 < s.words.size(); ++k) {
        static const std::set<std::string> known = {"lo", "hi", "wide", "rn", "approx", "full", "ftz", "shiftamt"};
        if (!known.contains(s.words[k])) return false;
    }
    bool done = false;
    if (name == "setp") {
        return withNumber(type, [&](auto t) { done = comparison<decltype(t)>(a, s, i, type); }) && done;
    }
    if (name == "selp") {
        return withNumber(type, [&](auto t) {
            i.to = {a.to(s.operands[0])};
            i.from = {a.from(s.operands[1], type), a.from(s.operands[2], type), a.from(s.operands[3], "pred")};
            i.run = select<decltype(t)>;
        });
    }
    if (name == "prmt" && s.words.size() == 2) {
        return same<uint32_t, permute, uint32_t, uint32_t, uint32_t>(a, s, i, type), true;
    }
    if (name == "brev" && type == "b32") return same<uint32_t, reversed, uint32_t>(a, s, i, type), true;
    if (wideOrHigh(a, s, i, type)) return true;
    if (name == "shl" || name == "shr") {
        return withInteger(type, [&](auto t) { shift<decltype(t)>(a, s, i, type); });
    }
    withInteger(type, [&](auto t) { done = integer<decltype(t)>(a, s, i, type) || bits<decltype(t)>(a, s, i, type); });
    if (!done) withFloat(type, [&](auto t) { done = floating<decltype(t)>(a, s, i, type); });
    return done;
}

} // namespace gpu
