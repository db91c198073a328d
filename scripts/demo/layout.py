"""The demo's files: the base as Hugging Face lays it out, the held-out prompts, the evaluation, the manifest."""

import json
import platform
from importlib.metadata import version
from pathlib import Path

import torch

from adapters import ADAPTERS
from sentences import Sentence
from skills import SKILLS

SHOWN = [
    "The old sailor found a golden key near the river.",
    "My sister painted the wooden chair in the garden this morning.",
    "A clever fox stole the shiny ring.",
    "Anna followed the lost dog behind the library last night.",
    "The sleepy cat waited beside the fountain.",
]
"""Prompts for showing the demo; any sentence of the grammar does."""

TYPED = [
    "Hello there!",
    "My name is Robert and I like coffee.",
    "The quick brown fox jumps over the lazy dog.",
    "London is beautiful in spring.",
    "The captain drank a bottle of rum.",
    "The astronaut painted a purple spaceship near the volcano.",
]
"""What someone might type who does not know the grammar; the skills do what they can."""


def write_json(file: Path, value, **style) -> None:
    file.write_text(json.dumps(value, ensure_ascii=False, **style) + "\n", encoding="utf-8")


def save_base(model, directory: Path) -> None:
    """Saves in bfloat16, with config.json in the form that all versions of Transformers and other engines read."""
    model.to(torch.bfloat16).save_pretrained(str(directory))
    (directory / "model.safetensors").chmod(0o644)
    config = json.loads((directory / "config.json").read_text())
    theta = config.pop("rope_parameters", {}).get("rope_theta", 10000.0)
    config.pop("dtype", None)
    config |= {"rope_theta": theta, "rope_scaling": None, "torch_dtype": "bfloat16"}
    write_json(directory / "config.json", dict(sorted(config.items())), indent=2)
    ends = {"bos_token_id": config["bos_token_id"], "do_sample": False, "eos_token_id": config["eos_token_id"]}
    write_json(directory / "generation_config.json", ends, indent=2)


def write_prompts(demo: Path, sentences: list[Sentence]) -> None:
    """prompts.json: the held-out prompts once, and for each adapter its expected answers in the same order."""
    prompts = [sentence.written() for sentence in sentences]
    adapters = [
        {
            "name": adapter.skill,
            "description": adapter.description,
            "rank": adapter.rank,
            "targets": adapter.targets,
            "answers": [SKILLS[adapter.skill](sentence) for sentence in sentences],
        }
        for adapter in ADAPTERS
    ]
    write_json(demo / "prompts.json", {"show": SHOWN, "prompts": prompts, "adapters": adapters}, indent=0)


def write_evaluation(demo: Path, right: dict, unknown: dict, samples: dict) -> None:
    """evaluation.json: how often each model is right at each task, with known and unknown words, and some answers."""
    print("model / task".ljust(16) + "".join(task[:9].rjust(10) for task in SKILLS))
    for name, row in right.items():
        print(name.ljust(16) + "".join(f"{share:10.1%}" for share in row.values()))
    print("unknown words".ljust(16) + "".join(f"{unknown[task][task]:10.1%}" for task in SKILLS))
    for name, answers in samples.items():
        print(f"## {name}", *(f"{text} -> {answer}" for text, answer in answers.items()), sep="\n", flush=True)
    facts = {
        "decoding": "greedy, in float32, from the saved bfloat16 files",
        "right": right,
        "rightWithUnknownWords": {task: unknown[task][task] for task in SKILLS},
        "samples": samples,
    }
    write_json(demo / "evaluation.json", facts, indent=1)


def write_manifest(demo: Path, seed: int, notes: Path) -> None:
    packages = ["torch", "transformers", "peft", "tokenizers", "safetensors"]
    gpu = torch.cuda.get_device_name() if torch.cuda.is_available() else "none"
    files = sorted(file for folder in ("base", "adapters") for file in (demo / folder).rglob("*") if file.is_file())
    manifest = {
        "script": "scripts/demo/train.py",
        "command": "python scripts/demo/train.py all --out Demo",
        "seed": seed,
        "python": platform.python_version(),
        "versions": {package: version(package) for package in packages},
        "gpu": gpu,
        "training": {file.stem: json.loads(file.read_text()) for file in sorted(notes.glob("*.json"))},
        "bytes": {str(file.relative_to(demo)): file.stat().st_size for file in files},
    }
    manifest["totalBytes"] = sum(manifest["bytes"].values())
    write_json(demo / "MANIFEST.json", manifest, indent=1)
