#include "Pool.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <unistd.h>

// A loop is a ticket: generation in the upper half, next piece in the lower. A thread claims a piece by swapping the
// whole ticket, so one that fell asleep between reading a loop's fields and claiming cannot claim from a later loop.
// The fields change only while the ticket is closed, or a late thread could claim from a half-written loop.
enum : uint32_t { closed = UINT32_MAX };

struct punica_pool {
    _Alignas(64) _Atomic uint64_t ticket;
    _Atomic(punica_task) body;
    _Atomic(void *) context;
    _Atomic ptrdiff_t count;
    _Atomic ptrdiff_t grain;
    _Alignas(64) _Atomic uint32_t finished;  // pieces of this loop that are done
    _Alignas(64) _Atomic uint32_t sleepers;  // workers that wait for `work`
    _Atomic bool caller_sleeps;
    _Atomic bool closing;
    pthread_mutex_t mutex;
    pthread_cond_t work;
    pthread_cond_t done;
    int32_t threads;
    int32_t spins;
    pthread_t *workers;
    void *scratch;
    size_t scratch_bytes;
};

typedef struct worker {
    punica_pool *pool;
    int32_t index;
} worker;

static void relax(void) {
#if defined(__x86_64__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ volatile("yield");
#endif
}

static uint32_t generation(uint64_t ticket) { return (uint32_t)(ticket >> 32); }

static void announce_done(punica_pool *pool) {
    if (!atomic_load(&pool->caller_sleeps)) return;
    pthread_mutex_lock(&pool->mutex);
    pthread_cond_signal(&pool->done);
    pthread_mutex_unlock(&pool->mutex);
}

/// Does pieces of the current loop until none is left to claim.
static void take_part(punica_pool *pool, int32_t thread) {
    uint64_t ticket = atomic_load(&pool->ticket);
    for (;;) {
        if ((uint32_t)ticket == closed) return;
        const ptrdiff_t count = atomic_load(&pool->count), grain = atomic_load(&pool->grain);
        const punica_task body = atomic_load(&pool->body);
        void *context = atomic_load(&pool->context);
        const ptrdiff_t begin = (ptrdiff_t)(uint32_t)ticket * grain;
        if (begin >= count) return;
        if (!atomic_compare_exchange_weak(&pool->ticket, &ticket, ticket + 1)) continue;
        body(context, begin, punica_min(begin + grain, count), thread);
        const uint32_t pieces = (uint32_t)((count + grain - 1) / grain);
        if (atomic_fetch_add(&pool->finished, 1) + 1 == pieces) announce_done(pool);
        ticket = atomic_load(&pool->ticket);
    }
}

/// Waits for a loop after generation `seen`; returns that loop's generation.
static uint32_t await_work(punica_pool *pool, uint32_t seen) {
    for (int32_t spin = 0; spin < pool->spins; spin++) {
        const uint32_t now = generation(atomic_load_explicit(&pool->ticket, memory_order_acquire));
        if (now != seen || atomic_load_explicit(&pool->closing, memory_order_relaxed)) return now;
        relax();
    }
    pthread_mutex_lock(&pool->mutex);
    atomic_fetch_add(&pool->sleepers, 1);
    uint32_t now;
    while ((now = generation(atomic_load(&pool->ticket))) == seen && !atomic_load(&pool->closing))
        pthread_cond_wait(&pool->work, &pool->mutex);
    atomic_fetch_sub(&pool->sleepers, 1);
    pthread_mutex_unlock(&pool->mutex);
    return now;
}

static void *work(void *argument) {
    const worker self = *(worker *)argument;
    free(argument);
    uint32_t seen = 0;
    while (!atomic_load(&self.pool->closing)) {
        seen = await_work(self.pool, seen);
        take_part(self.pool, self.index);
    }
    return NULL;
}

/// Starts workers until all run; returns how many do.
static int32_t start_workers(punica_pool *pool) {
    for (int32_t i = 1; i < pool->threads; i++) {
        worker *argument = malloc(sizeof(worker));
        if (!argument) return i;
        *argument = (worker){pool, i};
        if (pthread_create(&pool->workers[i], NULL, work, argument) != 0) {
            free(argument);
            return i;
        }
    }
    return pool->threads;
}

punica_pool *punica_pool_create(int32_t threads) {
    if (threads < 1 || threads > 1024) return NULL;
    punica_pool *pool = aligned_alloc(64, (size_t)punica_round_up(sizeof(punica_pool), 64));
    if (!pool) return NULL;
    *pool = (punica_pool){.ticket = closed, .threads = threads};
    pthread_mutex_init(&pool->mutex, NULL);
    pthread_cond_init(&pool->work, NULL);
    pthread_cond_init(&pool->done, NULL);
    // Spinning takes a core from the thread that is waited for when there are more threads than cores.
    pool->spins = threads <= sysconf(_SC_NPROCESSORS_ONLN) ? 2000 : 0;
    pool->workers = calloc((size_t)threads, sizeof(pthread_t));
    const int32_t running = pool->workers ? start_workers(pool) : 1;
    if (pool->workers && running == threads) return pool;
    pool->threads = running;
    punica_pool_destroy(pool);
    return NULL;
}

void punica_pool_destroy(punica_pool *pool) {
    if (!pool) return;
    pthread_mutex_lock(&pool->mutex);
    atomic_store(&pool->closing, true);
    pthread_cond_broadcast(&pool->work);
    pthread_mutex_unlock(&pool->mutex);
    for (int32_t i = 1; i < pool->threads; i++) pthread_join(pool->workers[i], NULL);
    pthread_cond_destroy(&pool->done);
    pthread_cond_destroy(&pool->work);
    pthread_mutex_destroy(&pool->mutex);
    free(pool->workers);
    free(pool->scratch);
    free(pool);
}

int32_t punica_pool_threads(const punica_pool *pool) { return pool ? pool->threads : 1; }

/// Publishes a loop and wakes whoever sleeps.
static void publish(punica_pool *pool, ptrdiff_t count, ptrdiff_t grain, punica_task body, void *context) {
    const uint64_t before = generation(atomic_load(&pool->ticket));
    atomic_store(&pool->ticket, before << 32 | closed);
    atomic_store(&pool->finished, 0);
    atomic_store(&pool->count, count);
    atomic_store(&pool->grain, grain);
    atomic_store(&pool->body, body);
    atomic_store(&pool->context, context);
    atomic_store(&pool->ticket, (before + 1) << 32);
    if (atomic_load(&pool->sleepers) == 0) return;
    pthread_mutex_lock(&pool->mutex);
    pthread_cond_broadcast(&pool->work);
    pthread_mutex_unlock(&pool->mutex);
}

static void await_finish(punica_pool *pool, uint32_t pieces) {
    for (int32_t spin = 0; spin < pool->spins; spin++) {
        if (atomic_load_explicit(&pool->finished, memory_order_acquire) == pieces) return;
        relax();
    }
    pthread_mutex_lock(&pool->mutex);
    atomic_store(&pool->caller_sleeps, true);
    while (atomic_load(&pool->finished) != pieces) pthread_cond_wait(&pool->done, &pool->mutex);
    atomic_store(&pool->caller_sleeps, false);
    pthread_mutex_unlock(&pool->mutex);
}

void punica_parallel_for(punica_pool *pool, ptrdiff_t count, ptrdiff_t grain, punica_task body, void *context) {
    if (count <= 0) return;
    // A piece is numbered in 32 bits.
    grain = punica_max(grain, count / (closed / 2) + 1);
    if (!pool || pool->threads == 1 || count <= grain) {
        body(context, 0, count, 0);
        return;
    }
    publish(pool, count, grain, body, context);
    take_part(pool, 0);
    await_finish(pool, (uint32_t)((count + grain - 1) / grain));
}

void *punica_scratch(punica_pool *pool, size_t bytes) {
    const size_t rounded = (bytes + 4095) / 4096 * 4096 + 4096;
    if (pool && pool->scratch_bytes >= bytes) return pool->scratch;
    void *memory = aligned_alloc(64, rounded);
    // A forward pass has no way back from here, and nothing that could be freed.
    if (!memory) abort();
    if (!pool) return memory;
    free(pool->scratch);
    pool->scratch = memory;
    pool->scratch_bytes = rounded;
    return memory;
}

void punica_scratch_release(punica_pool *pool, void *memory) {
    if (!pool) free(memory);
}
