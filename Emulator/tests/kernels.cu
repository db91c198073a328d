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

// Some lanes of each warp come to a barrier, whose number is in a register, long before the first lane does.
extern "C" __global__ void gather(int *to, int times) {
    __shared__ int values[64];
    int sum = 0;
    if (__builtin_expect(threadIdx.x % 32 < 24, 0)) {
        for (int i = 0; i < times; ++i) sum += reinterpret_cast<volatile int *>(to)[i];
    }
    values[threadIdx.x] = sum + threadIdx.x;
    asm volatile("barrier.sync %0, 64;" ::"r"(5) : "memory");
    to[64 + threadIdx.x] = values[63 - threadIdx.x];
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
