#pragma once

#include <cstdint>
#include <map>

namespace gpu {

struct Range {
    uint64_t start = 0;
    uint64_t end = 0;

    bool holds(uint64_t address, uint64_t bytes) const { return address >= start && address + bytes <= end; }
};

// What device code may touch: a GPU address is the host's.
class Memory {
  public:
    void add(const void *start, uint64_t bytes) {
        const auto address = reinterpret_cast<uint64_t>(start);
        ranges_[address] = address + bytes;
    }
    void remove(const void *start) { ranges_.erase(reinterpret_cast<uint64_t>(start)); }

    // The range that an address lies in; an empty one if none.
    Range find(uint64_t address) const {
        auto next = ranges_.upper_bound(address);
        if (next == ranges_.begin()) return {};
        --next;
        return address < next->second ? Range{next->first, next->second} : Range{};
    }

  private:
    std::map<uint64_t, uint64_t> ranges_;
};

} // namespace gpu
