#include "grid.hpp"

#include <algorithm>
#include <deque>

#include "warp.hpp"

namespace gpu {

namespace {

// What has not been written is no number, wherever it is read.
constexpr uint8_t kUnwritten = 0xff;

// Launches that run at a time, at most.
constexpr size_t kMostGrids = 4;

class Grid {
  public:
    Grid(const Launch &launch, const Memory &memory, uint64_t seed)
        : launch_(launch), memory_(memory), random_(seed | 1) {
        threads_ = launch.block[0] * launch.block[1] * launch.block[2];
        sharedBytes_ = launch.entry->dynamicStart + launch.dynamicBytes;
        count_ = launch.grid[0] * launch.grid[1] * launch.grid[2];
        blocks_ = std::vector<Block>(std::min(count_, std::max(launch.residentBlocks, 1u)));
        for (Block &block : blocks_) start(block, next_++);
        running_ = uint32_t(blocks_.size());
    }

    const std::string &name() const { return launch_.entry->name; }
    bool isDone() const { return running_ == 0; }

    // Whether the next launch may start.
    bool isReleased() const {
        if (next_ < count_) return false;
        return std::all_of(blocks_.begin(), blocks_.end(), [](const Block &block) {
            return block.isReleased || block.liveThreads == 0;
        });
    }

    // Tells that all launches before have ended.
    void pass() {
        mayPass_ = true;
        for (Block &block : blocks_) block.mayPass = true;
    }

    // Gives every warp a turn. Returns whether any could use it.
    bool turn() {
        bool ran = false;
        for (Block &block : blocks_) {
            if (block.liveThreads == 0) continue;
            const size_t count = (threads_ + kLanes - 1) / kLanes, first = random() % count;
            for (size_t i = 0; i < count; ++i) ran |= turn(*block.warps[(first + i) % count]);
            if (block.liveThreads > 0) continue;
            if (next_ < count_) start(block, next_++);
            else --running_;
        }
        return ran;
    }

  private:
    // Mostly long ones, which are quick to execute; short ones, so that warps meet in every order.
    bool turn(Warp &warp) {
        if (warp.isDone()) return false;
        const uint64_t number = random();
        try {
            return warp.run(number % 4 == 0 ? long(number >> 8 & 63) + 1 : long(number >> 8 & 8191) + 1);
        } catch (const AddressFault &fault) {
            throw AddressFault(describe(warp) + fault.what());
        } catch (const Fault &fault) {
            throw Fault(describe(warp) + fault.what());
        }
    }

    // Where a warp is.
    std::string describe(const Warp &warp) const {
        const uint32_t *index = warp.block->index;
        return name() + ", block (" + std::to_string(index[0]) + ", " + std::to_string(index[1]) + ", " +
               std::to_string(index[2]) + "), line " + std::to_string(launch_.program->code[warp.at].line) + " `" +
               launch_.program->lines[warp.at] + "`: ";
    }

    uint64_t random() {
        random_ ^= random_ << 13;
        random_ ^= random_ >> 7;
        random_ ^= random_ << 17;
        return random_ >> 8;
    }

    void start(Block &block, uint32_t number) {
        block.index[0] = number % launch_.grid[0];
        block.index[1] = number / launch_.grid[0] % launch_.grid[1];
        block.index[2] = number / launch_.grid[0] / launch_.grid[1];
        block.memory.assign(sharedBytes_ + 128, kUnwritten);
        block.shared = block.memory.data() + (128 - reinterpret_cast<uint64_t>(block.memory.data()) % 128) % 128;
        block.sharedBytes = sharedBytes_;
        block.liveThreads = threads_;
        block.mayPass = mayPass_;
        block.isReleased = false;
        block.random = random();
        std::fill(std::begin(block.barriers), std::end(block.barriers), Barrier());
        const uint32_t warps = (threads_ + kLanes - 1) / kLanes;
        while (block.warps.size() < warps) block.warps.push_back(std::make_unique<Warp>());
        for (uint32_t i = 0; i < warps; ++i) start(*block.warps[i], block, i);
    }

    void start(Warp &warp, Block &block, uint32_t number) const {
        const Program &program = *launch_.program;
        warp.program = &program;
        warp.memory = const_cast<Memory *>(&memory_);
        warp.block = &block;
        warp.parameters = &launch_.parameters;
        warp.file.resize(program.fileBytes);
        warp.locals.assign(program.localBytes * kLanes, kUnwritten);
        warp.copies.clear();
        std::fill(std::begin(warp.copyGroups), std::end(warp.copyGroups), 0);
        std::fill(std::begin(warp.ranges), std::end(warp.ranges), Range());
        const uint32_t lanes = std::min<uint32_t>(kLanes, threads_ - number * kLanes);
        warp.live = lanes == kLanes ? ~Mask{0} : (Mask{1} << lanes) - 1;
        Group group;
        group.at = launch_.entry->start;
        group.mask = warp.live;
        warp.groups = {group};
        for (uint32_t lane = 0; lane < kLanes; ++lane) setSpecial(warp, block, number, lane);
    }

    void setSpecial(Warp &warp, const Block &block, uint32_t number, uint32_t lane) const {
        const uint32_t thread = number * kLanes + lane;
        const auto set = [&](uint32_t which, uint32_t value) {
            reinterpret_cast<uint32_t *>(warp.file.data() + which * Special::rowBytes)[lane] = value;
        };
        set(Special::threadX, thread % launch_.block[0]);
        set(Special::threadY, thread / launch_.block[0] % launch_.block[1]);
        set(Special::threadZ, thread / launch_.block[0] / launch_.block[1]);
        for (uint32_t axis = 0; axis < 3; ++axis) {
            set(Special::blockX + axis, block.index[axis]);
            set(Special::threadsX + axis, launch_.block[axis]);
            set(Special::blocksX + axis, launch_.grid[axis]);
        }
        set(Special::lane, lane);
        set(Special::warp, number);
        set(Special::laneMaskLess, (1u << lane) - 1);
        reinterpret_cast<const uint8_t **>(warp.file.data() + Special::parameters)[lane] = launch_.parameters.data();
        reinterpret_cast<uint8_t **>(warp.file.data() + Special::local)[lane] =
            warp.locals.data() + lane * launch_.program->localBytes;
    }

    const Launch &launch_;
    const Memory &memory_;
    uint64_t random_;
    uint32_t threads_ = 0;
    uint32_t sharedBytes_ = 0;
    uint32_t count_ = 0;
    // The block that starts next.
    uint32_t next_ = 0;
    uint32_t running_ = 0;
    bool mayPass_ = false;
    std::vector<Block> blocks_;
};

} // namespace

void execute(
    const std::vector<Launch> &launches, const Memory &memory, uint64_t seed, const std::atomic<bool> &othersFailed) {
    std::deque<std::unique_ptr<Grid>> grids;
    size_t next = 0;
    while (next < launches.size() || !grids.empty()) {
        const bool mayStart = grids.empty() || (launches[next % launches.size()].overlaps &&
                                                grids.size() < kMostGrids && grids.back()->isReleased());
        if (next < launches.size() && mayStart) {
            grids.push_back(std::make_unique<Grid>(launches[next], memory, seed + 2 * next));
            if (grids.size() == 1) grids.front()->pass();
            ++next;
            continue;
        }
        const bool ran = std::any_of(grids.rbegin(), grids.rend(), [](auto &grid) { return grid->turn(); });
        if (othersFailed) throw Fault(grids.front()->name() + ": another GPU has failed");
        if (!ran && !grids.front()->isDone()) throw Fault(grids.front()->name() + ": every thread waits for another");
        while (!grids.empty() && grids.front()->isDone()) {
            grids.pop_front();
            if (!grids.empty()) grids.front()->pass();
        }
    }
}

} // namespace gpu
