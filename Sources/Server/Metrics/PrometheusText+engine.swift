import Engine

extension PrometheusText {
    mutating func write(_ engine: EngineStatistics) {
        queues(engine)
        work(engine)
        cache(engine)
    }

    private mutating func queues(_ engine: EngineStatistics) {
        metric("punica_requests_waiting", .gauge, "Sequences waiting for a place in the batch.", engine.waiting)
        metric("punica_requests_running", .gauge, "Sequences in the batch.", engine.running)
        metric("punica_step_batch_size", .gauge, "Sequences of the last step.", engine.batchSize)
        metric("punica_step_tokens", .gauge, "Tokens of the last step.", engine.batchTokens)
        metric("punica_preemptions_total", .counter, "Sequences put back for lack of memory.", engine.preemptions)
    }

    private mutating func work(_ engine: EngineStatistics) {
        metric("punica_steps_total", .counter, "Forward passes.", engine.steps)
        metric(
            "punica_computed_prompt_tokens_total",
            .counter,
            "Prompt tokens computed, again after a preemption included.",
            engine.promptTokens
        )
        metric(
            "punica_sampled_tokens_total",
            .counter,
            "Tokens that the engine generated.",
            engine.generatedTokens
        )
        histogram("punica_step_seconds", "Time of a step.", engine.stepSeconds)
        histogram(
            "punica_step_overhead_seconds",
            "Time of a step in which the engine neither gives the device work nor waits for it; a GPU runs meanwhile.",
            engine.overheadSeconds
        )
    }

    private mutating func cache(_ engine: EngineStatistics) {
        metric("punica_kv_blocks", .gauge, "Blocks of the KV cache.", engine.blockCount)
        metric("punica_kv_blocks_free", .gauge, "Blocks that hold nothing.", engine.freeBlocks)
        metric("punica_kv_blocks_cached", .gauge, "Unused blocks kept for their prefix.", engine.cachedBlocks)
        metric(
            "punica_prefix_cache_queries_total",
            .counter,
            "Prompt tokens looked up in the prefix cache.",
            engine.prefixQueriedTokens
        )
        metric(
            "punica_prefix_cache_hits_total",
            .counter,
            "Prompt tokens found in the prefix cache.",
            engine.prefixHitTokens
        )
    }
}
