#!/usr/bin/env bash
# Measures on this machine's GPU most of what docs/performance.md tells: records in OUT/*.jsonl, what else the commands
# print in OUT/*.txt and *.log. What fails is told, and the rest goes on. Not here are what needs other tools
# (reference.py, compute-sanitizer) or several GPUs, start-up (start.py), 70B, and rank 64.
#
#     bash scripts/gpu/measure.sh PUNICA_BENCH OUT [BANDWIDTH [ARITHMETIC]]
#
# BANDWIDTH in TB/s that the GPU reads at best (an H200: 4.64), ARITHMETIC in TFLOP/s. ONLY="doctor decode" measures those.
set -uo pipefail
bench=$(realpath "$1")
out=$2
bandwidth=${3:-4.64}
arithmetic=${4:-768}
workload=$(dirname "$0")/../../Benchmarks/workloads/continuous-512.json
mkdir -p "$out"
failed=()

measure() { # NAME ARGUMENT...
    local name=$1
    shift
    [[ -z ${ONLY:-} || " $ONLY " == *" $name "* ]] || return 0
    local start=$SECONDS
    # What a doctor says are no records.
    local records=$out/$name.jsonl
    [[ $1 != doctor ]] || records=$out/$name.txt
    "$bench" "$@" >"$records" 2>"$out/$name.log" || failed+=("$name")
    echo "$name: $((SECONDS - start)) s"
}

# First whether kernels are right.
measure doctor doctor --verbose
measure decode decode --bandwidth "$bandwidth" --batch 1 4 8 16 32 64 --popularity base identical distinct
measure kernels kernels --bandwidth "$bandwidth"
measure load load --steps 200
measure mixed mixed --steps 16 --arithmetic "$arithmetic"
measure textgen textgen --workload "$workload" --running 32 64 --popularity base identical distinct
measure textgen-paper textgen --popularity distinct
measure textgen-rate textgen --workload "$workload" --running 64 --rate 16 --popularity distinct
measure decode-13b decode --bandwidth "$bandwidth" --model llama-2-13b --popularity base distinct
measure soak soak --requests 5000
[[ ${#failed[@]} -eq 0 ]] || { echo "failed: ${failed[*]}"; exit 1; }
