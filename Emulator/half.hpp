#pragma once

#include <bit>
#include <cstdint>

namespace gpu {

inline float widenBrain(uint16_t x) { return std::bit_cast<float>(uint32_t(x) << 16); }

// To the nearest, ties to even.
inline uint16_t narrowBrain(float x) {
    const uint32_t bits = std::bit_cast<uint32_t>(x);
    if (x != x) return 0x7fff;
    return uint16_t((bits + 0x7fff + (bits >> 16 & 1)) >> 16);
}

inline float widenHalf(uint16_t x) { return float(std::bit_cast<_Float16>(x)); }
inline uint16_t narrowHalf(float x) { return std::bit_cast<uint16_t>(_Float16(x)); }

} // namespace gpu
