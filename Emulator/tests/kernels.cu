// Small kernels, some of them wrong in a way that the emulator must show.

extern "C" __global__ void write(int *to, int at) { to[at + threadIdx.x] = threadIdx.x; }

extern "C" __global__ void stop(int *, int) { asm volatile("trap;"); }

// Each warp reads what another one has written. `synchronizes` says whether it waits for it.
extern "C" __global__ void turn(int *to, int synchronizes) {
    __shared__ int values[256];
    for (int round = 0; round < 20; ++round) {
        values[threadIdx.x] = round * 256 + threadIdx.x;
        if (synchronizes) __syncthreads();
        to[threadIdx.x] = values[255 - threadIdx.x];
        if (synchronizes) __syncthreads();
    }
}

extern "C" __global__ void copy(int *to, int waits) {
    __shared__ alignas(16) int values[128];
    const unsigned target = static_cast<unsigned>(__cvta_generic_to_shared(values + 4 * threadIdx.x));
    asm volatile("cp.async.cg.shared.global [%0], [%1], 16;" ::"r"(target), "l"(to + 4 * threadIdx.x) : "memory");
    asm volatile("cp.async.commit_group;" ::: "memory");
    if (waits) asm volatile("cp.async.wait_group 0;" ::: "memory");
    for (int i = 0; i < 4; ++i) to[128 + 4 * threadIdx.x + i] = values[4 * threadIdx.x + i];
}

// Adds one to a number, in a launch that may overlap the one before.
extern "C" __global__ void increment(int *to, int waits) {
    asm volatile("griddepcontrol.launch_dependents;" ::: "memory");
    if (waits) asm volatile("griddepcontrol.wait;" ::: "memory");
    const int value = *reinterpret_cast<volatile int *>(to);
    __syncthreads();
    if (threadIdx.x == 0) *reinterpret_cast<volatile int *>(to) = value + 1;
}

// Half of the lanes wait for all at one place, and half at another.
extern "C" __global__ void part(int *to, int names) {
    if (threadIdx.x % 2 == 0) to[threadIdx.x] = __shfl_sync(names, threadIdx.x, 0);
    else to[threadIdx.x] = __ballot_sync(names, to[threadIdx.x] == 0);
}

// Each block of a cluster of two reads what the other has in shared memory. `meets` says whether it waits for it.
extern "C" __global__ void exchange(int *to, int meets) {
    __shared__ int values[32];
    unsigned rank, place;
    asm("mov.u32 %0, %%cluster_ctarank;" : "=r"(rank));
    values[threadIdx.x] = rank * 32 + threadIdx.x;
    if (meets)
        asm volatile("barrier.cluster.arrive.release.aligned;\n\tbarrier.cluster.wait.acquire.aligned;" ::: "memory");
    const unsigned own = static_cast<unsigned>(__cvta_generic_to_shared(values + threadIdx.x));
    asm("mapa.shared::cluster.u32 %0, %1, %2;" : "=r"(place) : "r"(own), "r"(1 - rank));
    int value;
    asm volatile("ld.shared::cluster.s32 %0, [%1];" : "=r"(value) : "r"(place) : "memory");
    to[rank * 32 + threadIdx.x] = value;
    asm volatile("barrier.cluster.arrive.release.aligned;\n\tbarrier.cluster.wait.acquire.aligned;" ::: "memory");
}

// to[64, 16] = x[64, 64]·w[16, 64]ᵀ of small whole numbers by asynchronous products. Their factors are written again;
// `waits` says whether after they were waited for: 0 not, 1 so, 2 nobody ever waits.
extern "C" __global__ void product(int *to, int waits) {
    extern __shared__ __align__(1024) unsigned short factors[];
    for (int i = threadIdx.x; i < 80 * 64; i += blockDim.x) {
        // Rows of 128 bytes whose pieces of 16 are swapped by the row's number.
        const int row = i / 64, k = i % 64, place = row * 64 + ((k / 8) ^ (row & 7)) * 8 + k % 8;
        const int value = row < 64 ? (row * 3 + k * 5) % 7 - 3 : (row * 2 + k * k) % 5 - 2;
        factors[place] = static_cast<unsigned short>(__float_as_uint(static_cast<float>(value)) >> 16);
    }
    asm volatile("fence.proxy.async.shared::cta;" ::: "memory");
    __syncthreads();
    const unsigned address = static_cast<unsigned>(__cvta_generic_to_shared(factors));
    const unsigned long long rows = 1ull << 62 | 64ull << 32 | 1ull << 16, x = rows | address >> 4,
                             w = x + (64 * 128 >> 4);
    float sums[8];
    asm volatile("wgmma.fence.sync.aligned;" ::: "memory");
    for (int k = 0; k < 4; ++k) {
        asm volatile(
            "{\n\t.reg .pred p;\n\tsetp.ne.b32 p, %10, 0;\n\t"
            "wgmma.mma_async.sync.aligned.m64n16k16.f32.bf16.bf16 {%0,%1,%2,%3,%4,%5,%6,%7}, %8, %9, p, 1, 1, 0, "
            "0;\n\t}"
            : "+f"(sums[0]), "+f"(sums[1]), "+f"(sums[2]), "+f"(sums[3]), "+f"(sums[4]), "+f"(sums[5]), "+f"(sums[6]),
              "+f"(sums[7])
            : "l"(x + 2 * k), "l"(w + 2 * k), "r"(k)
            : "memory");
    }
    asm volatile("wgmma.commit_group.sync.aligned;" ::: "memory");
    if (waits == 1) asm volatile("wgmma.wait_group.sync.aligned 0;" ::: "memory");
    __syncthreads();
    factors[threadIdx.x] = 0x4000;
    __syncthreads();
    if (waits == 0) asm volatile("wgmma.wait_group.sync.aligned 0;" ::: "memory");
    const int row = threadIdx.x / 32 * 16 + threadIdx.x % 32 / 4, column = threadIdx.x % 4 * 2;
    for (int i = 0; i < 8; ++i) {
        to[(row + i % 4 / 2 * 8) * 16 + i / 4 * 8 + column + i % 2] = static_cast<int>(sums[i]);
    }
}

// Reads what a copy has brought, while the next one is on its way to the same place. `waits` says whether the next one
// is asked for when all have read.
extern "C" __global__ void refill(int *to, int waits) {
    __shared__ alignas(16) int values[128];
    const unsigned target = static_cast<unsigned>(__cvta_generic_to_shared(values + 4 * threadIdx.x));
    int sum = 0;
    for (int round = 0; round < 8; ++round) {
        asm volatile("cp.async.cg.shared.global [%0], [%1], 16;" ::"r"(target), "l"(to + 128 * round + 4 * threadIdx.x)
                     : "memory");
        asm volatile("cp.async.commit_group;" ::: "memory");
        if (waits || round == 0) asm volatile("cp.async.wait_group 0;" ::: "memory");
        else asm volatile("cp.async.wait_group 1;" ::: "memory");
        __syncwarp();
        // Without waiting, what was brought a round ago.
        sum += values[127 - threadIdx.x];
        __syncwarp();
    }
    to[1024 + threadIdx.x] = sum;
}

// Parts ways, loops as often as the lane says, and meets again.
extern "C" __global__ void meet(int *to, int times) {
    int sum = 0;
    for (int i = 0; i < int(threadIdx.x) % 5 * times; ++i) sum += i % 3 == 0 ? i : -1;
    to[threadIdx.x] = sum + __shfl_sync(~0u, sum, threadIdx.x ^ 1);
}

// Numbers of every kind, to be compared with the host's.
extern "C" __global__ void compute(int *to, int seed) {
    const int x = (threadIdx.x + 1) * 2654435761u + seed, y = x * 48271 + 11;
    const float f = static_cast<float>(x) / 1024, g = static_cast<float>(y % 1000) + 0.5f;
    const double d = static_cast<double>(x) * y;
    int at = threadIdx.x * 24;
    to[at++] = x / (y | 1);
    to[at++] = x % (y | 1);
    to[at++] = static_cast<unsigned>(x) / (static_cast<unsigned>(y) | 1);
    to[at++] = __mulhi(x, y);
    to[at++] = __umulhi(x, y);
    to[at++] = x >> (y & 31);
    to[at++] = static_cast<unsigned>(x) >> (y & 31);
    to[at++] = __clz(x);
    to[at++] = __popc(x);
    to[at++] = __brev(x);
    to[at++] = __byte_perm(x, y, 0x6240);
    to[at++] = static_cast<int>(static_cast<long long>(x) * y >> 7);
    to[at++] = static_cast<int>(f);
    to[at++] = __float2int_rn(f / 3);
    to[at++] = __float_as_int(f * g + 1);
    to[at++] = __float_as_int(f / g);
    to[at++] = __float_as_int(sqrtf(fabsf(f)));
    to[at++] = __float_as_int(fminf(f, g));
    to[at++] = static_cast<int>(static_cast<short>(x) * 3 + static_cast<unsigned short>(y));
    to[at++] = static_cast<int>(d / 1e15);
    to[at++] = __double2loint(d);
    to[at++] = __double2hiint(d);
    to[at++] = min(x, y) ^ max(x, y);
    to[at++] = __float_as_int(static_cast<float>(d));
}
