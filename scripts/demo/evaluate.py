"""Greedy answers of the saved demo, read back from its files and computed in float32."""

from pathlib import Path

import torch
from peft import PeftModel
from tokenizers import Tokenizer
from transformers import LlamaForCausalLM

from adapters import ADAPTERS
from sentences import Sentence
from skills import SKILLS
from vocabulary import TURN_END, rendered

LONGEST_ANSWER = 64


def replies(demo: Path, texts: list[str], device: str) -> dict[str, list[str]]:
    """{model: its greedy answers to `texts`} for the base and every adapter."""
    tokenizer = Tokenizer.from_file(str(demo / "base" / "tokenizer.json"))
    prompts = [rendered([("user", text), ("assistant", "")])[0] for text in texts]
    ids = [tokenizer.encode(prompt, add_special_tokens=False).ids for prompt in prompts]
    names = ["base"] + [adapter.skill for adapter in ADAPTERS]
    return {name: answers(loaded(demo, name, device), tokenizer, ids) for name in names}


def shares(sentences: list[Sentence], given: dict[str, list[str]]) -> dict[str, dict[str, float]]:
    """{answering model: {task: share of `sentences` answered right}}."""
    expected = {task: [skill(sentence) for sentence in sentences] for task, skill in SKILLS.items()}
    return {
        name: {task: sum(map(str.__eq__, wanted, got)) / len(sentences) for task, wanted in expected.items()}
        for name, got in given.items()
    }


def loaded(demo: Path, name: str, device: str):
    model = LlamaForCausalLM.from_pretrained(str(demo / "base"), dtype=torch.float32)
    if name != "base":
        model = PeftModel.from_pretrained(model, str(demo / "adapters" / name))
    return model.float().to(device).eval()


@torch.no_grad()
def answers(model, tokenizer: Tokenizer, prompts: list[list[int]]) -> list[str]:
    """The greedy completions up to the end of the turn, all in one batch padded on the left."""
    end, longest = tokenizer.token_to_id(TURN_END), max(map(len, prompts))
    ids = torch.tensor([[0] * (longest - len(prompt)) + prompt for prompt in prompts], device=model.device)
    lengths = torch.tensor([[len(prompt)] for prompt in prompts], device=model.device)
    mask = torch.arange(longest, device=model.device) >= longest - lengths
    rows = greedy(model, ids, mask.long(), end)
    ended = [row[: row.index(end)] if end in row else row for row in rows]
    return [tokenizer.decode(row, skip_special_tokens=False) for row in ended]


def greedy(model, inputs: torch.Tensor, mask: torch.Tensor, end: int) -> list[list[int]]:
    cache, made, open_rows = None, [], torch.ones(len(inputs), dtype=torch.bool, device=inputs.device)
    for _ in range(LONGEST_ANSWER):
        positions = (mask.cumsum(1) - 1).clamp(min=0)[:, -inputs.shape[1]:]
        output = model(
            input_ids=inputs, attention_mask=mask, position_ids=positions, past_key_values=cache, use_cache=True
        )
        cache, inputs = output.past_key_values, output.logits[:, -1:].argmax(-1)
        mask = torch.cat([mask, torch.ones_like(inputs)], 1)
        made.append(inputs)
        open_rows &= inputs[:, 0] != end
        if not open_rows.any():
            break
    return torch.cat(made, 1).tolist()
