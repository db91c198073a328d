"""Pre-training of the demo's base model."""

import math
import time

import torch
import torch.nn.functional as F
from transformers import LlamaConfig, LlamaForCausalLM

from corpus import IGNORED, Batches, Bucket

PROMPT_WEIGHT = 0.1
"""How much a prompt's token counts in the loss beside a completion's."""


def configuration(vocabulary: int, begin: int, ends: list[int], small: bool = False) -> LlamaConfig:
    return LlamaConfig(
        vocab_size=vocabulary,
        hidden_size=64 if small else 256,
        intermediate_size=128 if small else 768,
        num_hidden_layers=2 if small else 8,
        num_attention_heads=4,
        num_key_value_heads=2,
        head_dim=16 if small else 64,
        max_position_embeddings=512,
        rms_norm_eps=1e-5,
        initializer_range=0.04,
        tie_word_embeddings=False,
        attention_bias=False,
        mlp_bias=False,
        bos_token_id=begin,
        eos_token_id=ends,
        pad_token_id=None,
    )


def loss_of(model, batch) -> torch.Tensor:
    """The weighted mean cross entropy of one batch."""
    ids, targets, completion = batch
    with torch.autocast(ids.device.type, torch.bfloat16):
        logits = model(input_ids=ids, use_cache=False).logits
    losses = F.cross_entropy(logits.flatten(0, 1).float(), targets.flatten(), ignore_index=IGNORED, reduction="none")
    weights = torch.where(completion, 1.0, PROMPT_WEIGHT).flatten() * (targets.flatten() != IGNORED)
    return (losses * weights).sum() / weights.sum()


def optimizer_of(model, rate: float, decay: float) -> torch.optim.Optimizer:
    matrices = [weight for weight in model.parameters() if weight.requires_grad and weight.dim() > 1]
    vectors = [weight for weight in model.parameters() if weight.requires_grad and weight.dim() == 1]
    groups = [{"params": matrices, "weight_decay": decay}, {"params": vectors, "weight_decay": 0.0}]
    fused = matrices[0].device.type == "cuda"
    return torch.optim.AdamW(groups, lr=rate, betas=(0.9, 0.98), fused=fused)


def pretrain(config: LlamaConfig, pool: list[Bucket], seconds: float, tokens: int, rate: float, seed: int):
    """Trains for `seconds` with a cosine schedule over them; returns (model, steps taken)."""
    torch.manual_seed(seed)
    model = LlamaForCausalLM(config).to(pool[0].tokens.device)
    optimizer, batches = optimizer_of(model, rate, 0.05), Batches(pool, tokens, seed)
    start, step, done = time.monotonic(), 0, 0.0
    while done < 1:
        done = (time.monotonic() - start) / seconds
        warm = min(1.0, (step + 1) / 200)
        for group in optimizer.param_groups:
            group["lr"] = rate * warm * (0.02 + 0.98 * 0.5 * (1 + math.cos(math.pi * min(done, 1))))
        loss = loss_of(model, batches.next())
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        step += 1
        if step % 250 == 0 or step == 10:
            print(f"base step {step} at {done:.0%} loss {loss.item():.4f}", flush=True)
    return model, step
