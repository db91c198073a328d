#!/usr/bin/env bash
# The kernels on a GPU made of software (Emulator/README.md), as two generations have them.
#
#     bash scripts/emulator/check.sh PUNICA PUNICA_BENCH NVRTC_FOLDER
set -euo pipefail
cd "$(dirname "$0")/../.."
punica=$1
bench=$2
export PUNICA_CUDA_LIBRARIES=$PWD/Emulator/.build:$3
XDG_CACHE_HOME=$(mktemp -d)
export XDG_CACHE_HOME
trap 'rm -rf "$XDG_CACHE_HOME"' EXIT

make -s -C Emulator test
PUNICA_EMULATED_SEED=$RANDOM
export PUNICA_EMULATED_SEED
echo "seed $PUNICA_EMULATED_SEED"
"$punica" doctor
# A split model's ranks, on GPUs of their own.
PUNICA_EMULATED_GPUS=2 "$bench" ranks --tensor-parallel 2 --only grouped
PUNICA_EMULATED_GPUS=2 "$bench" ranks --tensor-parallel 2 --only biases --nccl-only
PUNICA_EMULATED_GPUS=4 "$bench" ranks --tensor-parallel 4 --only qwen3
export PUNICA_EMULATED_ARCHITECTURE=80 PUNICA_EMULATED_MULTIPROCESSORS=6
"$punica" doctor --only grouped float16 mistral qwen "heads of 40"
