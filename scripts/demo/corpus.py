"""Training examples as padded tensors, grouped by length."""

import multiprocessing
from dataclasses import dataclass
from random import Random

import torch
from tokenizers import Tokenizer

from lessons import Turn, exercise, lesson
from sentences import Sentence, sentence
from vocabulary import rendered

STEP = 8
"""Rows of one bucket have lengths within this many tokens of each other."""
LONGEST = 128
IGNORED = -100


@dataclass
class Bucket:
    """Rows padded to one length: `tokens` int16 [rows, length]; `starts` and `ends` [rows] bound each completion."""

    tokens: torch.Tensor
    starts: torch.Tensor
    ends: torch.Tensor

    def batch(self, rows: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """(input ids, next tokens with IGNORED past the end, whether each is of the completion), all [rows, length]."""
        ids = self.tokens[rows].long()
        at = torch.arange(1, ids.shape[1], device=ids.device)
        targets = ids[:, 1:].masked_fill(at >= self.ends[rows][:, None], IGNORED)
        return ids[:, :-1], targets, (at >= self.starts[rows][:, None]) & (targets != IGNORED)


def held_out_sentences(seed: int, count: int) -> list[Sentence]:
    """`count` distinct sentences that no training example may contain."""
    random, found = Random(seed), {}
    while len(found) < count:
        made = sentence(random)
        found.setdefault(made.plain(), made)
    return list(found.values())


def examples(skill: str | None, count: int, seed: int, held_out: set[str]) -> list[tuple[str, str]]:
    """(prompt, completion) texts of `skill`'s exercises, or of the base's lessons if nil."""
    random, made = Random(seed), []
    while len(made) < count:
        turns = exercise(random, skill) if skill else lesson(random)
        if not touches(turns, held_out):
            made.append(rendered(turns))
    return made


def touches(turns: list[Turn], held_out: set[str]) -> bool:
    said = (content.rstrip(".!?") for role, content in turns if role == "user")
    return any(text in held_out or text[:1].lower() + text[1:] in held_out for text in said)


def encoded(pairs: list[tuple[str, str]], tokenizer: Tokenizer) -> list[tuple[list[int], int]]:
    """(ids, index of the completion's first token) of each pair."""
    prompts = tokenizer.encode_batch_fast([prompt for prompt, _ in pairs], add_special_tokens=False)
    completions = tokenizer.encode_batch_fast([completion for _, completion in pairs], add_special_tokens=False)
    rows = [(prompt.ids + rest.ids, len(prompt.ids)) for prompt, rest in zip(prompts, completions)]
    return [row for row in rows if len(row[0]) <= LONGEST]


def buckets(rows: list[tuple[list[int], int]], device: str) -> list[Bucket]:
    groups: dict[int, list[tuple[list[int], int]]] = {}
    for row in rows:
        groups.setdefault(-(-len(row[0]) // STEP) * STEP, []).append(row)
    return [bucket(group, length, device) for length, group in sorted(groups.items())]


def bucket(group: list[tuple[list[int], int]], length: int, device: str) -> Bucket:
    tokens = torch.tensor([ids + [0] * (length - len(ids)) for ids, _ in group], dtype=torch.int16)
    starts = torch.tensor([start for _, start in group])
    ends = torch.tensor([len(ids) for ids, _ in group])
    return Bucket(tokens.to(device), starts.to(device), ends.to(device))


def shard(arguments: tuple) -> list[tuple[list[int], int]]:
    skill, count, seed, held_out, tokenizer_file = arguments
    return encoded(examples(skill, count, seed, held_out), Tokenizer.from_file(tokenizer_file))


def corpus(
    skill: str | None, count: int, seed: int, held_out: set[str], tokenizer_file: str, device: str, workers: int = 1
) -> list[Bucket]:
    """`count` examples made by `workers` processes; the same for the same arguments."""
    jobs = [(skill, count // workers, seed * 1000 + worker, held_out, tokenizer_file) for worker in range(workers)]
    if workers == 1:
        return buckets(shard(jobs[0]), device)
    with multiprocessing.get_context("spawn").Pool(workers) as pool:
        return buckets([row for part in pool.imap(shard, jobs) for row in part], device)


class Batches:
    """Random batches of about `tokens` tokens each, every example equally likely."""

    def __init__(self, pool: list[Bucket], tokens: int, seed: int):
        self.pool, self.tokens, self.random = pool, tokens, Random(seed)
        self.weights = [bucket.tokens.numel() for bucket in pool]
        device = pool[0].tokens.device
        self.generator = torch.Generator(device).manual_seed(seed)

    def next(self) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        bucket = self.random.choices(self.pool, self.weights)[0]
        rows, length = bucket.tokens.shape
        chosen = torch.randint(
            rows, (max(1, self.tokens // length),), generator=self.generator, device=bucket.tokens.device
        )
        return bucket.batch(chosen)
