#!/usr/bin/env bash
# Draws the charts of docs/performance.md from the records, by the program in PUNICA_BENCH or that of
# `swift build -c release`.
set -euo pipefail
cd "$(dirname "$0")/.."
bench=${PUNICA_BENCH:-.build/release/punica-bench}
records=Benchmarks/records

figure() { # NAME TITLE COMMITS BENCH CONDITION...
    local name=$1 title=$2 commits=$3 kind=$4
    shift 4
    "$bench" figure "$records/h100/$kind.jsonl" "$records/h200/$kind.jsonl" "$records/peers/h100.jsonl" \
        --only "bench=$kind" model=llama-2-7b rank=16 "commit=$commits," "$@" \
        --by system gpu --title "$title" --output "docs/performance/$name.svg"
}

figure decode-distinct "A decode step of Llama-2-7B, each sequence with its own adapter" \
    7ca012a+,5835bdb decode popularity=distinct
figure decode-base "A decode step of Llama-2-7B without adapters" \
    7ca012a+,32d7cf6+,5835bdb decode popularity=base
figure throughput-distinct "512 requests queued at once, 64 adapters" \
    0b7fdc8,3e8f858,ad8714a textgen popularity=distinct
