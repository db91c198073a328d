#!/usr/bin/env python3
"""Makes Tests/Golden/models: tiny random models, PEFT adapters, and the logits that transformers + PEFT give.

Usage: python3 scripts/golden/models.py Tests/Golden/models
Needs (any recent version; MANIFEST.json says which were used): torch, transformers, peft, safetensors.
"""

import json
import os
import shutil
import sys
import tempfile
import warnings
import zlib
from pathlib import Path

os.environ["HF_HUB_OFFLINE"] = "1"
os.environ["TRANSFORMERS_VERBOSITY"] = "error"
warnings.filterwarnings("ignore")

import peft
import safetensors
import safetensors.torch
import torch
import transformers
from transformers import AutoConfig, AutoModelForCausalLM

from models_adapters import make_adapter, make_refused
from models_reference import TYPES, greedy, load, logits, relative_difference
from models_specs import ADAPTERS, MODELS

transformers.utils.logging.disable_progress_bar()

SEED = 20310
SMALLEST_EFFECT, LARGEST_ROUNDING = 0.05, 0.0095
PROMPT_LENGTHS = {"short": 24, "long": 80}
CONTINUATION, LAST, STEPS = 24, 3, 8
MARGIN = {"float32": 0.02, "bfloat16": 0.1, "float16": 0.05}
SUFFIX = {"float32": "", "bfloat16": "-bf16", "float16": "-fp16"}


def generator(name: str) -> torch.Generator:
    """A generator that depends on the seed and the name alone, so that adding a model changes no other."""
    return torch.Generator().manual_seed(SEED * 2**32 + zlib.crc32(name.encode()))


def randomise(model, spec, kind: str) -> None:
    """Weights far from their usual tiny values, so that every part of the network shows in the logits.

    In the narrow types the layers weigh less beside the embedding, or their rounding would add up to over 1 %.
    The last norm has either sign, or a tied model would only ever repeat the token that it was given."""
    layer, embedding = (0.2, 0.4) if kind == "float32" else (0.1, 0.8)
    for name, parameter in model.named_parameters():
        noise = torch.randn(parameter.shape, generator=generator(f"{spec.name}/{name}"))
        if name == "model.norm.weight":
            parameter.data = torch.where(noise > 0, 1 + 0.2 * noise, 0.2 * noise - 1)
        elif name.endswith("norm.weight"):
            parameter.data = 1 + 0.2 * noise
        elif name.endswith("bias"):
            parameter.data = 0.3 * noise
        elif name == "lm_head.weight":
            parameter.data = 0.3 * noise
        else:
            parameter.data = (embedding if "embed_tokens" in name else layer) * noise


def save_model(spec, kind: str, out: Path) -> str:
    """Saves the model as save_pretrained does, puts the hand-written config.json in place, checks that it reloads."""
    directory = out / (spec.name + SUFFIX[kind])
    config = dict(spec.config)
    config["dtype" if "dtype" in config else "torch_dtype"] = kind
    with tempfile.TemporaryDirectory() as scratch:
        (Path(scratch) / "config.json").write_text(json.dumps(config))
        model = AutoModelForCausalLM.from_config(AutoConfig.from_pretrained(scratch), attn_implementation="eager")
    model = model.eval()
    randomise(model, spec, kind)
    model.tie_weights()
    for parameter in model.parameters():
        parameter.data = parameter.data.to(TYPES[kind])
    model.save_pretrained(directory, max_shard_size=spec.shard_bytes or "1GB")
    before = logits(model, list(range(3, 100)))
    (directory / "config.json").write_text(json.dumps(config, indent=2) + "\n")
    after = logits(load(str(directory), None, kind), list(range(3, 100)))
    assert torch.equal(before, after), f"{directory.name} does not reload to the same logits"
    return directory.name


def search(name: str, length: int, vocabulary: int, ends: list[int], references: list, margin: float) -> tuple:
    """A prompt whose greedy continuation is the same and clear for every reference, and free of end tokens."""
    for attempt in range(1000):
        draw = generator(f"{name}#{attempt}")
        prompt = torch.randint(6, vocabulary, (length,), generator=draw).tolist()
        found = [greedy(model, prompt, CONTINUATION, margin) for model in references]
        if None in found:
            continue
        tokens = found[0][0]
        if all(f[0] == tokens for f in found) and len(set(tokens)) >= 6 and not set(tokens) & set(ends):
            return prompt, tokens, min(f[1] for f in found), attempt
    raise SystemExit(f"{name}: no prompt with a clear greedy continuation")


def pieces(model, prompt: list[int], continuation: list[int]) -> tuple[torch.Tensor, torch.Tensor]:
    """Logits of the prompt's last positions, and after each of the first continuation tokens."""
    last = logits(model, prompt)[-LAST:]
    steps = [logits(model, prompt + continuation[: i + 1])[-1] for i in range(STEPS)]
    return last.contiguous(), torch.stack(steps).contiguous()


def make_case(model: str, kind: str, adapter: str | None, prompt_name: str, config: dict, out: Path, store: dict):
    """One entry of cases.json; its logits go to `store`."""
    adapter_path = None if adapter is None else f"{model}/adapters/{adapter}"
    directory = None if adapter is None else str(out / adapter_path)
    reference = load(str(out / model), directory, "float32")
    half = None if kind == "float32" else load(str(out / model), directory, kind)
    name = f"{model}/{adapter or 'base'}/{prompt_name}"
    ends = config["eos_token_id"] if isinstance(config["eos_token_id"], list) else [config["eos_token_id"]]
    models = [reference] if half is None else [reference, half]
    prompt, tokens, margin, attempt = search(
        name, PROMPT_LENGTHS[prompt_name], config["vocab_size"], ends, models, MARGIN[kind]
    )
    key = f"{adapter or 'base'}.{prompt_name}"
    last, steps = pieces(reference, prompt, tokens)
    store[f"{key}.last"], store[f"{key}.steps"] = last, steps
    case = {
        "id": name, "model": model, "type": kind, "adapter": adapter_path, "prompt": prompt, "continuation": tokens,
        "last": f"{key}.last", "steps": f"{key}.steps", "margin": round(margin, 4), "attempt": attempt,
    }
    if half is not None:
        own_last, own_steps = pieces(half, prompt, tokens)
        store[f"{key}.own.last"], store[f"{key}.own.steps"] = own_last, own_steps
        case |= {"ownLast": f"{key}.own.last", "ownSteps": f"{key}.own.steps"}
        case["ownDifference"] = relative_difference(torch.cat([own_last, own_steps]), torch.cat([last, steps]))
        assert case["ownDifference"] < LARGEST_ROUNDING, f"{name}: {case['ownDifference']} lost to rounding"
    if adapter is not None:
        base_last, base_steps = pieces(load(str(out / model), None, "float32"), prompt, tokens)
        case["effect"] = relative_difference(torch.cat([last, steps]), torch.cat([base_last, base_steps]))
        assert case["effect"] > SMALLEST_EFFECT, f"{name}: the adapter hardly changes the logits"
    print(f"{name}: margin {margin:.3f} attempt {attempt} effect {case.get('effect', 0):.3f}"
          f" own {case.get('ownDifference', 0):.4f}", flush=True)
    return case


def make_model(spec, kind: str, out: Path) -> list[dict]:
    """The model's directory, its adapters and all its cases."""
    name = save_model(spec, kind, out)
    store, cases = {}, []
    for prompt_name in PROMPT_LENGTHS:
        cases.append(make_case(name, kind, None, prompt_name, spec.config, out, store))
    for adapter in ADAPTERS:
        if adapter.model != spec.name or kind not in adapter.kinds:
            continue
        make_adapter(adapter, out / name, kind, generator)
        for prompt_name in adapter.prompts:
            cases.append(make_case(name, kind, adapter.name, prompt_name, spec.config, out, store))
    safetensors.torch.save_file(store, out / name / "logits.safetensors")
    return cases


def main() -> None:
    out = Path(sys.argv[1])
    torch.set_num_threads(1)
    for entry in out.iterdir() if out.exists() else []:
        if entry.name != "README.md":
            shutil.rmtree(entry) if entry.is_dir() else entry.unlink()
    out.mkdir(parents=True, exist_ok=True)
    cases = [case for spec in MODELS for kind in spec.kinds for case in make_model(spec, kind, out)]
    refused = make_refused(out, generator)
    # One case to a line: a readable diff, and a file that opens.
    lines = ",\n".join(json.dumps(case) for case in cases)
    refusals = ",\n".join(json.dumps(entry) for entry in refused)
    (out / "cases.json").write_text(f'{{"cases": [\n{lines}\n],\n"refused": [\n{refusals}\n]}}\n')
    versions = {m.__name__: m.__version__ for m in (torch, transformers, peft, safetensors)}
    manifest = {
        "script": "scripts/golden/models.py", "command": "python3 scripts/golden/models.py Tests/Golden/models",
        "seed": SEED, "versions": versions | {"python": sys.version.split()[0]}, "device": "cpu",
        "promptLengths": PROMPT_LENGTHS, "continuation": CONTINUATION, "lastPositions": LAST, "steps": STEPS,
        "smallestMargin": MARGIN,
    }
    (out / "MANIFEST.json").write_text(json.dumps(manifest, indent=2) + "\n")


main()
