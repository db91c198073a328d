#include "KernelSources.h"

// #embed is younger than the standard this package is written in.
#pragma clang diagnostic ignored "-Wc23-extensions"

// Headers first, then kernels; each file is two lines.
static const KernelText texts[] = {
#define PATH "include/DevicePointer.h"
#include "Embed.h"
#define PATH "include/LowRankParams.h"
#include "Embed.h"
#define PATH "include/LowRankRowsParams.h"
#include "Embed.h"
#define PATH "include/PositionParams.h"
#include "Embed.h"
#define PATH "include/RowAttentionParams.h"
#include "Embed.h"
#define PATH "include/RowParams.h"
#include "Embed.h"
#define PATH "include/SamplingParams.h"
#include "Embed.h"
#define PATH "cu/attention_rows.cu"
#include "Embed.h"
#define PATH "cu/common.cuh"
#include "Embed.h"
#define PATH "cu/low_rank.cuh"
#include "Embed.h"
#define PATH "cu/low_rank_decode.cu"
#include "Embed.h"
#define PATH "cu/low_rank_outputs.cuh"
#include "Embed.h"
#define PATH "cu/low_rank_plan.cu"
#include "Embed.h"
#define PATH "cu/low_rank_prefill.cu"
#include "Embed.h"
#define PATH "cu/low_rank_rows.cu"
#include "Embed.h"
#define PATH "cu/positions.cu"
#include "Embed.h"
#define PATH "cu/rows.cu"
#include "Embed.h"
#define PATH "cu/sampling.cu"
#include "Embed.h"
};

const KernelText *const kernelTexts = texts;
const size_t kernelTextCount = sizeof(texts) / sizeof(texts[0]);
