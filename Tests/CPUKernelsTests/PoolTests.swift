import CPUKernels
import TestSupport
import Testing

/// Runs a loop that counts each task once; false if any ran twice, never, or on a thread that does not exist.
private func everyTaskRunsOnce(_ pool: Pool?, count: Int, grain: Int) -> Bool {
    let counts = UnsafeMutablePointer<Int32>.allocate(capacity: count + 1)
    counts.initialize(repeating: 0, count: count + 1)
    defer { counts.deallocate() }
    // Element `count` holds the number of threads before and a mark after a bad thread index.
    counts[count] = punica_pool_threads(pool?.pointer)
    var context = (counts, count)
    punica_parallel_for(
        pool?.pointer,
        count,
        grain,
        { context, begin, end, thread in
            guard let context else { return }
            let (counts, count) = context.load(as: (UnsafeMutablePointer<Int32>, Int).self)
            for task in begin..<end { counts[task] += thread < counts[count] && thread >= 0 ? 1 : 100 }
        },
        &context
    )
    return (0..<count).allSatisfy { counts[$0] == 1 }
}

extension Kernels {
    @Suite struct PoolTests {
        @Test(arguments: [1, 2, 3, 16, 64] as [Int32]) func `every task runs exactly once`(threads: Int32) throws {
            var random = SplitMix(seed: 17)
            let pool = try Pool(threads: threads)
            #expect(punica_pool_threads(pool.pointer) == threads)
            for round in 0..<3000 {
                let count = random.size(0...(round % 100 == 0 ? 5000 : 40))
                let grain = random.size(1...7)
                try #require(everyTaskRunsOnce(pool, count: count, grain: grain), "\(count) by \(grain)")
            }
        }

        /// Loops of a few empty tasks end while other threads are still looking at them: the hardest case for a pool.
        @Test(arguments: [2, 3, 5] as [Int32]) func `loops that follow each other at once stay apart`(
            threads: Int32
        ) throws {
            let pool = try Pool(threads: threads)
            let counts = UnsafeMutablePointer<Int32>.allocate(capacity: 16)
            counts.initialize(repeating: 0, count: 16)
            defer { counts.deallocate() }
            var expected = [Int32](repeating: 0, count: 16)
            for round in 0..<100_000 {
                let count = 2 + round % 13
                punica_parallel_for(
                    pool.pointer,
                    count,
                    1,
                    { context, begin, end, _ in
                        guard let counts = context?.assumingMemoryBound(to: Int32.self) else { return }
                        for task in begin..<end { counts[task] += 1 }
                    },
                    counts
                )
                for task in 0..<count { expected[task] += 1 }
            }
            #expect((0..<16).map { counts[$0] } == expected)
        }

        @Test func `without a pool the caller does it all`() {
            #expect(everyTaskRunsOnce(nil, count: 100, grain: 3))
            #expect(punica_pool_threads(nil) == 1)
            punica_pool_destroy(nil)
        }

        @Test func `an absurd number of threads is refused`() {
            #expect(punica_pool_create(0) == nil)
            #expect(punica_pool_create(-1) == nil)
            #expect(punica_pool_create(1025) == nil)
        }

        @Test func `pools come and go, used or not`() throws {
            for threads in 1...40 {
                let pool = try Pool(threads: Int32(threads % 5 + 1))
                if threads % 2 == 0 { #expect(everyTaskRunsOnce(pool, count: 10, grain: 1)) }
            }
        }
    }
}
