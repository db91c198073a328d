"""The demo's tokenizer: byte-level BPE with Llama 3's rules and special tokens."""

import json
from pathlib import Path
from random import Random

from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers, processors, trainers

from lessons import exercise, lesson
from skills import SKILLS

SIZE = 3072
BEGIN, END, TURN_END = "<|begin_of_text|>", "<|end_of_text|>", "<|eot_id|>"
SPECIAL = [BEGIN, END, "<|start_header_id|>", "<|end_header_id|>", TURN_END]
SPLIT = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}"
    r"| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)
CHAT_TEMPLATE = (
    "{{- bos_token }}"
    "{%- for message in messages %}"
    "{{- '<|start_header_id|>' + message['role'] + '<|end_header_id|>\n\n' }}"
    "{{- message['content'] | trim + '<|eot_id|>' }}"
    "{%- endfor %}"
    "{%- if add_generation_prompt %}"
    "{{- '<|start_header_id|>assistant<|end_header_id|>\n\n' }}"
    "{%- endif %}"
)


def train(seed: int, samples: int) -> Tokenizer:
    tokenizer = Tokenizer(models.BPE(ignore_merges=True))
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([
        pre_tokenizers.Split(Regex(SPLIT), behavior="isolated"),
        pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
    ])
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=SIZE - len(SPECIAL),
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(texts(seed, samples), trainer)
    tokenizer.add_special_tokens(SPECIAL)
    begin = (BEGIN, tokenizer.token_to_id(BEGIN))
    tokenizer.post_processor = processors.Sequence([
        processors.ByteLevel(trim_offsets=False),
        processors.TemplateProcessing(single=f"{BEGIN} $A", pair=f"{BEGIN} $A {BEGIN} $B", special_tokens=[begin]),
    ])
    return tokenizer


def texts(seed: int, samples: int):
    random = Random(seed)
    for index in range(samples):
        turns = exercise(random, random.choice(list(SKILLS))) if index % 2 else lesson(random)
        yield from (content for _, content in turns)


def save(tokenizer: Tokenizer, directory: Path) -> None:
    tokenizer.save(str(directory / "tokenizer.json"))
    settings = {
        "add_bos_token": True,
        "bos_token": BEGIN,
        "chat_template": CHAT_TEMPLATE,
        "clean_up_tokenization_spaces": False,
        "eos_token": TURN_END,
        "model_input_names": ["input_ids", "attention_mask"],
        "model_max_length": 512,
        "pad_token": END,
        "tokenizer_class": "PreTrainedTokenizerFast",
    }
    (directory / "tokenizer_config.json").write_text(json.dumps(settings, indent=2) + "\n")


def rendered(turns: list[tuple[str, str]]) -> tuple[str, str]:
    """The text of `turns` as (prompt, completion), equal to the chat template's rendering."""
    if turns[0][0] == "text":
        return BEGIN, turns[0][1] + END
    prompt = BEGIN
    for role, content in turns[:-1]:
        prompt += f"<|start_header_id|>{role}<|end_header_id|>\n\n{content}{TURN_END}"
    return prompt + "<|start_header_id|>assistant<|end_header_id|>\n\n", turns[-1][1] + TURN_END
