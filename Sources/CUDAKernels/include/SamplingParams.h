#pragma once

#include "DevicePointer.h"

// How one wanted row's token is chosen. 72 bytes.
struct SampleRow {
    uint64_t seed;
    // The place in the sequence of the token to be chosen.
    int64_t position;
    // 0 takes the largest logit.
    float temperature;
    float minP;
    float topP;
    // 0 keeps all.
    int32_t topK;
    float repetitionPenalty;
    float presencePenalty;
    float frequencyPenalty;
    // Ranges of the lists of biases (bans are biases of -infinity) and of tokens seen.
    int32_t biasStart;
    int32_t biasEnd;
    int32_t seenStart;
    int32_t seenEnd;
    // Whether any of the above but the temperature is to be heeded: the row is one of a `list`.
    int32_t isEdited;
    // Likeliest tokens to report; -1 reports nothing.
    int32_t topCount;
    // 1 where the last of the tokens seen came from the step before, which the host had not seen end; it may be among
    // the others as well, whose counts are without it.
    int32_t endsAwaited;
};

struct SampleBias {
    int32_t token;
    float bias;
};

// A token of prompt or output, once each.
struct SampleSeen {
    int32_t token;
    int32_t outputCount;
};

// The largest logit of one part of a row.
struct SampleLargest {
    float value;
    int32_t token;
};

// 176 bytes.
struct SampleReport {
    // Of the chosen token; NaN where none could be chosen.
    float logprob;
    int32_t topCount;
    int32_t unused[2];
    int32_t topTokens[20];
    float topLogprobs[20];
};

// For the kernels that choose among all tokens; rows with `isEdited` are left alone.
struct SampleParams {
    DEVICE_POINTER(const void) logits;
    DEVICE_POINTER(const struct SampleRow) rows;
    DEVICE_POINTER(const int32_t) rowCount;
    // [W, parts]
    DEVICE_POINTER(struct SampleLargest) largest;
    // [W, chunks]
    DEVICE_POINTER(double) sums;
    // [W], for the next step and for the host
    DEVICE_POINTER(int32_t) tokens;
    DEVICE_POINTER(int32_t) hostTokens;
    int32_t pitch;
    int32_t unused;
};

// For the kernels that edit logits and cut; the i-th does row list[i], if i is below the live count or that is null.
struct SampleEditedParams {
    DEVICE_POINTER(const void) logits;
    DEVICE_POINTER(const struct SampleRow) rows;
    DEVICE_POINTER(const int32_t) list;
    DEVICE_POINTER(const int32_t) listCount;
    DEVICE_POINTER(const struct SampleBias) biases;
    DEVICE_POINTER(const struct SampleSeen) seen;
    // [list, V rounded up to 256]
    DEVICE_POINTER(float) scratch;
    // [W, parts] and [W, chunks], of which rows of the list use their own.
    DEVICE_POINTER(struct SampleLargest) largest;
    DEVICE_POINTER(double) sums;
    DEVICE_POINTER(int32_t) tokens;
    DEVICE_POINTER(int32_t) hostTokens;
    int32_t pitch;
    int32_t unused;
};

// For the kernel that reports probabilities in the raw logits; block i does row list[i] into reports[i].
struct SampleReportParams {
    DEVICE_POINTER(const void) logits;
    DEVICE_POINTER(const struct SampleRow) rows;
    DEVICE_POINTER(const int32_t) list;
    DEVICE_POINTER(const int32_t) listCount;
    DEVICE_POINTER(const int32_t) tokens;
    DEVICE_POINTER(struct SampleReport) reports;
    int32_t pitch;
    int32_t unused;
};
