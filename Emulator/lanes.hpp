#pragma once

#include "warp.hpp"

namespace gpu {

// to[lane] = body(from[lane]...) for each lane of the mask. The whole warp is the usual case, and is quick.
template <class To, auto body, class... From, size_t... index>
inline void overLanes(Warp &warp, const Instruction &i, Mask mask, std::index_sequence<index...>) {
    To *to = warp.row<To>(i.to[0]);
    const auto from = std::tuple<const From *...>(warp.row<From>(i.from[index])...);
    if (mask == ~Mask{0}) {
        for (int lane = 0; lane < kLanes; ++lane) to[lane] = body(std::get<index>(from)[lane]...);
    } else {
        for (int lane = 0; lane < kLanes; ++lane) {
            if (mask >> lane & 1) to[lane] = body(std::get<index>(from)[lane]...);
        }
    }
}

template <class To, auto body, class... From>
void lanewise(Warp &warp, const Instruction &i, Mask mask) {
    overLanes<To, body, From...>(warp, i, mask, std::index_sequence_for<From...>());
}

} // namespace gpu
