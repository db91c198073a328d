#pragma once

#include <cstdint>
#include <map>
#include <mutex>
#include <shared_mutex>
#include <vector>

namespace gpu {

struct Range {
    uint64_t start = 0;
    uint64_t end = 0;

    bool holds(uint64_t address, uint64_t bytes) const { return address >= start && address + bytes <= end; }
};

// What device code may touch: a GPU address is the host's. For several threads.
class Memory {
  public:
    void add(const void *start, uint64_t bytes) {
        const std::unique_lock lock(mutex_);
        const auto address = reinterpret_cast<uint64_t>(start);
        ranges_[address] = address + bytes;
    }
    void remove(const void *start) {
        const std::unique_lock lock(mutex_);
        ranges_.erase(reinterpret_cast<uint64_t>(start));
    }

    // Lets what is in another memory, which stays, be touched too; not what that one has open itself.
    void open(const Memory &other) {
        const std::unique_lock lock(mutex_);
        others_.push_back(&other);
    }

    // The range that an address lies in; an empty one if none.
    Range find(uint64_t address) const {
        std::vector<const Memory *> others;
        {
            const std::shared_lock lock(mutex_);
            if (const Range own = findOwn(address); own.end != 0) return own;
            others = others_;
        }
        for (const Memory *other : others) {
            const std::shared_lock lock(other->mutex_);
            if (const Range range = other->findOwn(address); range.end != 0) return range;
        }
        return {};
    }

  private:
    Range findOwn(uint64_t address) const {
        auto next = ranges_.upper_bound(address);
        if (next == ranges_.begin()) return {};
        --next;
        return address < next->second ? Range{next->first, next->second} : Range{};
    }

    mutable std::shared_mutex mutex_;
    std::map<uint64_t, uint64_t> ranges_;
    std::vector<const Memory *> others_;
};

} // namespace gpu
