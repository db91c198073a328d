"""Writes models of real widths with PEFT adapters, and what transformers and PEFT answer with them on this GPU.

    python3 scripts/gpu/reference.py OUT [NAME ...]
    punica-bench compare OUT/NAME

Each OUT/NAME is a model directory with `adapters/`, `reference.json` (sequences: adapter, prompt, continuation) and
`reference.safetensors`: for each sequence the logits [65, V] after the prompt and after each of 64 greedy tokens,
`N.own` as bfloat16 computed them step by step with a cache, `N.exact` as float32 does with the same weights.
Weights are random. Needs torch, transformers, peft and about 8 GB of disk.
"""

import json
import sys
from pathlib import Path

import torch
import transformers
from peft import LoraConfig, get_peft_model
from safetensors.torch import save_file

STEPS = 64
ALL = ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"]

COMMON = dict(max_position_embeddings=2048, rms_norm_eps=1e-5, num_hidden_layers=2, torch_dtype="bfloat16")
MODELS = {
    "llama": ("LlamaConfig", dict(
        hidden_size=4096, intermediate_size=11008, num_attention_heads=32, num_key_value_heads=32, vocab_size=32000)),
    "mistral": ("MistralConfig", dict(
        hidden_size=4096, intermediate_size=14336, num_attention_heads=32, num_key_value_heads=8, vocab_size=32768,
        sliding_window=128)),
    "qwen2": ("Qwen2Config", dict(
        hidden_size=1536, intermediate_size=8960, num_attention_heads=12, num_key_value_heads=2, vocab_size=151936,
        tie_word_embeddings=True)),
    "qwen3": ("Qwen3Config", dict(
        hidden_size=2560, intermediate_size=9728, num_attention_heads=32, num_key_value_heads=8, head_dim=128,
        vocab_size=151936, tie_word_embeddings=True)),
}
ADAPTERS = {
    "everything-16": dict(r=16, lora_alpha=32, target_modules=ALL),
    "attention-8": dict(r=8, lora_alpha=8, target_modules=ALL[:4], use_rslora=True),
    "most-64": dict(r=64, lora_alpha=64, target_modules=ALL[:2] + ALL[3:]),
}
# Adapter and length of the prompt; two share an adapter.
SEQUENCES = [(None, 21), ("everything-16", 7), ("attention-8", 130), ("most-64", 64), ("everything-16", 300)]


def cast(model, kind) -> None:
    """Only parameters: `to` would round the rotary frequencies too, and positions would drift."""
    for parameter in model.parameters():
        parameter.data = parameter.data.to(kind)


def randomise(model) -> None:
    """Updates of a size that shows: about a tenth of what they are added to."""
    for name, parameter in model.named_parameters():
        if "lora_A" in name:
            torch.nn.init.normal_(parameter, std=parameter.shape[1] ** -0.5)
        elif "lora_B" in name:
            torch.nn.init.normal_(parameter, std=0.1 * parameter.shape[1] ** -0.5)


def make_base(name: str, out: Path):
    kind, sizes = MODELS[name]
    config = getattr(transformers, kind)(**COMMON, **sizes)
    model = transformers.AutoModelForCausalLM.from_config(config, dtype=torch.bfloat16, attn_implementation="sdpa")
    for parameter_name, parameter in model.named_parameters():
        if parameter_name.endswith("bias"):
            torch.nn.init.normal_(parameter, std=0.1)
    model.generation_config.eos_token_id = None
    model.save_pretrained(out, max_shard_size="64GB")
    return model.eval()


def make_adapters(model, out: Path):
    """The model with all adapters, none active."""
    wrapped = None
    for adapter, options in ADAPTERS.items():
        config = LoraConfig(task_type="CAUSAL_LM", **options)
        if wrapped is None:
            wrapped = get_peft_model(model, config, adapter_name=adapter, autocast_adapter_dtype=False)
        else:
            wrapped.add_adapter(adapter, config)
    cast(wrapped, torch.bfloat16)
    for adapter in ADAPTERS:
        wrapped.set_adapter(adapter)
        randomise(wrapped)
    for adapter in ADAPTERS:
        wrapped.save_pretrained(out / "adapters", selected_adapters=[adapter])
    return wrapped.eval()


@torch.no_grad()
def decode(model, prompt: list[int]) -> tuple[list[int], torch.Tensor]:
    """Greedy tokens and the logits that chose them, one step after another over a cache."""
    out = model(input_ids=torch.tensor([prompt]), use_cache=True)
    rows, tokens = [out.logits[0, -1]], []
    for _ in range(STEPS):
        tokens.append(rows[-1].argmax().item())
        out = model(input_ids=torch.tensor([tokens[-1:]]), past_key_values=out.past_key_values, use_cache=True)
        rows.append(out.logits[0, -1])
    return tokens, torch.stack(rows).float().cpu()


@torch.no_grad()
def whole(model, tokens: list[int]) -> torch.Tensor:
    return model(input_ids=torch.tensor([tokens]), use_cache=False).logits[0, -STEPS - 1:].float().cpu()


def within(model, adapter: str | None, body):
    if adapter is None:
        with model.disable_adapter():
            return body()
    model.set_adapter(adapter)
    return body()


def make(name: str, out: Path) -> None:
    torch.manual_seed(7)
    out.mkdir(parents=True, exist_ok=True)
    model = make_adapters(make_base(name, out), out)
    vocabulary = model.config.vocab_size
    sequences, tensors = [], {}
    for number, (adapter, length) in enumerate(SEQUENCES):
        prompt = torch.randint(3, vocabulary, (length,)).tolist()
        continuation, tensors[f"{number}.own"] = within(model, adapter, lambda: decode(model, prompt))
        sequences.append({"adapter": adapter, "prompt": prompt, "continuation": continuation})
    cast(model, torch.float32)
    for number, sequence in enumerate(sequences):
        tokens = sequence["prompt"] + sequence["continuation"]
        tensors[f"{number}.exact"] = within(model, sequence["adapter"], lambda: whole(model, tokens))
    save_file({key: value.contiguous() for key, value in tensors.items()}, out / "reference.safetensors")
    versions = {"torch": torch.__version__, "transformers": transformers.__version__}
    (out / "reference.json").write_text(json.dumps({"versions": versions, "sequences": sequences}))


def main() -> None:
    torch.set_default_device("cuda")
    out = Path(sys.argv[1])
    for name in sys.argv[2:] or MODELS:
        make(name, out / name)
        torch.cuda.empty_cache()
        print(name, flush=True)


if __name__ == "__main__":
    main()
