"""The reference: transformers and PEFT on the CPU, full forward passes without a cache."""

import torch
from peft import PeftModel
from transformers import AutoModelForCausalLM

TYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}


def load(model_directory: str, adapter_directory: str | None, kind: str):
    """The model, with the adapter if any, its weights and arithmetic in `kind`."""
    model = AutoModelForCausalLM.from_pretrained(
        model_directory, dtype=TYPES[kind], attn_implementation="eager", local_files_only=True
    )
    if adapter_directory is not None:
        model = PeftModel.from_pretrained(model, adapter_directory, autocast_adapter_dtype=False)
    for name, parameter in model.named_parameters():
        parameter.data = parameter.data.to(TYPES[kind])
    return model.eval()


@torch.no_grad()
def logits(model, tokens: list[int]) -> torch.Tensor:
    """Float32 logits [len(tokens), vocabulary] of one whole sequence."""
    out = model(input_ids=torch.tensor([tokens]), use_cache=False).logits
    return out[0].float()


def greedy(model, prompt: list[int], count: int, margin_wanted: float) -> tuple[list[int], float] | None:
    """The `count` likeliest next tokens, one by one, and the smallest lead of the first over the second.

    Nil as soon as that lead falls under `margin_wanted`."""
    tokens, smallest = list(prompt), float("inf")
    for _ in range(count):
        top = torch.topk(logits(model, tokens)[-1], 2)
        smallest = min(smallest, (top.values[0] - top.values[1]).item())
        if smallest < margin_wanted:
            return None
        tokens.append(top.indices[0].item())
    return tokens[len(prompt):], smallest


def relative_difference(a: torch.Tensor, b: torch.Tensor) -> float:
    """‖a − b‖ / ‖b‖ over all elements."""
    return (torch.linalg.vector_norm(a - b) / torch.linalg.vector_norm(b)).item()
