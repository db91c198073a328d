"""Makes PEFT adapters with random weights, and directories that a loader must refuse."""

import json
from pathlib import Path

import torch
from peft import LoraConfig, get_peft_model
from safetensors.torch import load_file, save_file
from transformers import AutoModelForCausalLM

from models_reference import TYPES, load, logits

PROBE = list(range(3, 60))


def randomise(model, generator, name: str, deviation: float = 0.2) -> None:
    """Random A and B, and magnitudes moved away from the norms that they start from."""
    for key, parameter in model.named_parameters():
        if "lora_" not in key:
            continue
        noise = torch.randn(parameter.shape, generator=generator(f"{name}/{key}")).to(parameter.dtype)
        if "magnitude" in key:
            parameter.data = parameter.data * torch.exp(0.3 * noise)
        else:
            parameter.data = deviation * noise


def wrap(model_directory: Path, kind: str, lora: dict):
    """The base model with a fresh adapter."""
    base = AutoModelForCausalLM.from_pretrained(model_directory, dtype=TYPES[kind], attn_implementation="eager")
    config = LoraConfig(task_type="CAUSAL_LM", **lora)
    return get_peft_model(base, config, autocast_adapter_dtype=False).eval()


def edit_config(directory: Path, model_name: str, edits: dict) -> None:
    """Gives the configuration a base name that is no local path, and the wanted edits."""
    path = directory / "adapter_config.json"
    config = json.loads(path.read_text())
    config["base_model_name_or_path"] = f"example/{model_name}"
    config.update(edits)
    if isinstance(config["target_modules"], list):
        config["target_modules"].sort()
    path.write_text(json.dumps(config, indent=2) + "\n")


def save(model, directory: Path, model_name: str, save_embedding_layers, edits: dict) -> None:
    model.save_pretrained(directory, save_embedding_layers=save_embedding_layers)
    (directory / "README.md").unlink(missing_ok=True)
    edit_config(directory, model_name, edits)


def make_adapter(spec, model_directory: Path, kind: str, generator) -> None:
    """Saves the adapter under the model, and checks that PEFT loads it to the same logits."""
    deviation = 0.2 if kind == "float32" else 0.1
    kind = spec.stored or kind
    model = wrap(model_directory, kind, spec.lora)
    randomise(model, generator, f"{spec.model}/{spec.name}", deviation)
    for key, parameter in model.named_parameters():
        if "lora_" in key:
            parameter.data = parameter.data.to(TYPES[kind])
    directory = model_directory / "adapters" / spec.name
    save(model, directory, model_directory.name, spec.save_embedding_layers, spec.edits)
    before = logits(model, PROBE)
    after = logits(load(str(model_directory), str(directory), kind), PROBE)
    assert torch.equal(before, after), f"{directory} does not reload to the same logits"


def rewrite(directory: Path, change) -> None:
    """Rewrites the adapter's tensors."""
    path = directory / "adapter_model.safetensors"
    tensors = load_file(path)
    change(tensors)
    save_file(tensors, path, metadata={"format": "pt"})


def make_refused(out: Path, generator) -> list[dict]:
    """Adapters that must be refused when loaded for llama2: name, reason, and a key that the error should name."""
    made = []

    def refuse(name: str, reason: str, mentions: str, lora: dict, source: str = "llama2", change=None, edits=None):
        model = wrap(out / source, "float32", lora)
        randomise(model, generator, f"refused/{name}")
        directory = out / "refused" / name
        save(model, directory, "llama2", False, edits or {})
        if change is not None:
            rewrite(directory, change)
        made.append({"adapter": f"refused/{name}", "model": "llama2", "reason": reason, "mentions": mentions})

    query = dict(r=2, lora_alpha=4, target_modules=["q_proj"])
    first = "base_model.model.model.layers.0.self_attn.q_proj.lora_A.weight"
    second = "base_model.model.model.layers.1.self_attn.q_proj.lora_B.weight"
    refuse("modules-to-save", "modules_to_save is set and whole modules are in the file", "modules_to_save",
           query | {"modules_to_save": ["norm"]})
    refuse("bias-all", "bias is \"all\"", "bias", query | {"bias": "all"})
    refuse("bias-lora-only", "bias is \"lora_only\"", "bias", query | {"bias": "lora_only"})
    refuse("lora-bias", "lora_bias is true: B has a bias tensor", "lora_bias", query | {"lora_bias": True})
    refuse("trainable-tokens", "trainable_token_indices is set", "trainable_token_indices",
           query | {"trainable_token_indices": [7, 9]})
    refuse("other-sizes", "made for a model of hidden size 32", first, query, source="llama-linear")
    refuse("missing-pair", "lora_B of layer 1 is missing", second, query, change=lambda t: t.pop(second))
    refuse("unknown-tensor", "a tensor that no module of the model takes", "rotary_proj", query,
           change=lambda t: t.update({first.replace("q_proj", "rotary_proj"): torch.zeros(2, 64)}))
    refuse("untargeted-tensor", "a pair for v_proj, which target_modules does not name", "v_proj",
           query | {"target_modules": ["q_proj", "v_proj"]}, edits={"target_modules": ["q_proj"]})
    refuse("nothing-matches", "target_modules names nothing of this model", "query_key_value", query,
           edits={"target_modules": ["query_key_value"]}, change=lambda t: t.clear())
    refuse("wrong-rank", "r in the configuration is 4, the tensors have 2", first, query, edits={"r": 4})
    refuse("other-method", "peft_type is not LORA", "IA3", query, edits={"peft_type": "IA3"})
    refuse("unpaired-magnitude", "use_dora is true but one magnitude vector is missing", "lora_magnitude_vector",
           query | {"use_dora": True},
           change=lambda t: t.pop(next(k for k in t if "layers.1" in k and "magnitude" in k)))
    return made
