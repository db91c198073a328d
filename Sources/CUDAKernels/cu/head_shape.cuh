// The sizes of attention that kernels are compiled for; Llama-2-7B's where none are given.
#pragma once

#ifndef PUNICA_HEADS
#define PUNICA_HEADS 32
#endif
#ifndef PUNICA_KV_HEADS
#define PUNICA_KV_HEADS 32
#endif
#ifndef PUNICA_HEAD_SIZE
#define PUNICA_HEAD_SIZE 128
#endif
#ifndef PUNICA_BLOCK_SIZE
#define PUNICA_BLOCK_SIZE 16
#endif
