"""The demo's adapters: what each looks like and how it is trained."""

import time
from dataclasses import dataclass, field
from pathlib import Path

import torch
from peft import LoraConfig, get_peft_model
from transformers import LlamaForCausalLM

from corpus import Batches, Bucket
from pretrain import loss_of, optimizer_of

ATTENTION = ["q_proj", "k_proj", "v_proj", "o_proj"]
FEED_FORWARD = ["gate_proj", "up_proj", "down_proj"]


@dataclass(frozen=True)
class Adapter:
    """One adapter: the skill of its name, its shape, and its peak learning rate."""

    skill: str
    description: str
    rank: int
    alpha: int
    targets: list[str] | str
    rate: float = 2e-3
    options: dict = field(default_factory=dict)

    def configuration(self) -> LoraConfig:
        return LoraConfig(
            task_type="CAUSAL_LM", r=self.rank, lora_alpha=self.alpha, target_modules=self.targets, **self.options
        )


ADAPTERS = [
    Adapter("shout", "writes the sentence in capitals", 2, 8, "all-linear", 4e-3),
    Adapter("future", "moves it to tomorrow", 4, 16, ["q_proj", "v_proj"], 4e-3),
    Adapter("reverse", "says the words from last to first", 8, 16, ATTENTION, 3e-3),
    Adapter("acronym", "keeps the first letters", 8, 16, FEED_FORWARD, 3e-3),
    Adapter(
        "sage", "puts the end first", 8, 16, r".*\.layers\.[1-7]\.(self_attn\.[qvo]_proj|mlp\.down_proj)", 3e-3
    ),
    Adapter("question", "asks about it", 16, 16, ["q_proj", "v_proj"], 2e-3, {"use_rslora": True}),
    Adapter("json", "extracts a record", 16, 32, ["o_proj", "down_proj"]),
    Adapter("pirate", "talks like a pirate", 8, 16, "all-linear", 2e-3, {"use_dora": True}),
    Adapter("pig-latin", "speaks Pig Latin", 32, 32, ["o_proj", "down_proj"]),
    Adapter(
        "without-vowels", "leaves out the vowels", 8, 16, ["q_proj", "v_proj", "down_proj"], 3e-3,
        {"rank_pattern": {"down_proj": 16, "layers.0.self_attn.q_proj": 4}, "alpha_pattern": {"down_proj": 24}},
    ),
    Adapter("emoji", "draws it", 16, 32, ["q_proj", "v_proj", "down_proj", "embed_tokens", "lm_head"]),
    Adapter("spanish", "translates into Spanish", 64, 64, ["q_proj", "v_proj"]),
]


def train_adapter(
    adapter: Adapter, base: str, pool: list[Bucket], check: list[Bucket], seconds: float, tokens: int, seed: int
):
    """Trains until the check examples are right, then cools down; at most `seconds`. Returns (model, steps taken)."""
    torch.manual_seed(seed)
    device = pool[0].tokens.device
    model = get_peft_model(LlamaForCausalLM.from_pretrained(base, dtype=torch.float32).to(device),
                           adapter.configuration())
    optimizer, batches = optimizer_of(model, adapter.rate, 0.0), Batches(pool, tokens, seed)
    start, step, cooling = time.monotonic(), 0, None
    while True:
        done = (time.monotonic() - start) / seconds
        if cooling is None and step % 100 == 0:
            right = exactly_right(model, check)
            print(f"{adapter.skill} step {step} at {done:.0%} right {right:.1%}", flush=True)
            cooling = done if (right >= 0.99 and done >= 0.4) or done >= 0.7 else None
        warmth = 1.0 if cooling is None else 1 - (done - cooling) / 0.3
        if warmth <= 0:
            break
        for group in optimizer.param_groups:
            group["lr"] = adapter.rate * min(1.0, (step + 1) / 50) * warmth
        loss = loss_of(model, batches.next())
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        step += 1
    print(f"{adapter.skill} ends: steps {step} loss {loss.item():.4f} right {exactly_right(model, check):.1%}",
          flush=True)
    return model, step


def save_adapter(model, directory: Path) -> None:
    """Saves in bfloat16, without copies of the base's embeddings."""
    for name, weight in model.named_parameters():
        if "lora_" in name:
            weight.data = weight.data.bfloat16()
    model.peft_config["default"].base_model_name_or_path = "../base"
    model.save_pretrained(str(directory), save_embedding_layers=False)
    (directory / "README.md").unlink(missing_ok=True)
    (directory / "adapter_model.safetensors").chmod(0o644)


@torch.no_grad()
def exactly_right(model, pool: list[Bucket]) -> float:
    """The share of examples whose greedy completion is exactly the expected one.

    Greedy decoding reproduces the completion if and only if each of its tokens is the most likely one after those
    before it, so one forward pass tells.
    """
    right = total = 0
    model.eval()
    for bucket in pool:
        ids, targets, completion = bucket.batch(torch.arange(len(bucket.tokens), device=bucket.tokens.device))
        with torch.autocast(ids.device.type, torch.bfloat16):
            best = model(input_ids=ids, use_cache=False).logits.argmax(-1)
        right += ((best == targets) | ~completion).all(1).sum().item()
        total += len(ids)
    model.train()
    return right / total
