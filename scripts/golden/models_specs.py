"""What the golden models and adapters are: shapes, configurations, targets. Data only; `models.py` makes them."""

from dataclasses import dataclass, field


@dataclass
class ModelSpec:
    """One tiny model. `config` is written to config.json word for word; `kinds` are the scalar types it is saved in."""

    name: str
    config: dict
    kinds: tuple = ("float32",)
    shard_bytes: int | None = None


@dataclass
class AdapterSpec:
    """One adapter. `lora` are LoraConfig's arguments, `edits` overwrite keys of the saved adapter_config.json.

    Its tensors have the model's scalar type unless `stored` says otherwise."""

    name: str
    model: str
    lora: dict
    prompts: tuple = ("short",)
    kinds: tuple = ("float32",)
    save_embedding_layers: object = "auto"
    stored: str | None = None
    edits: dict = field(default_factory=dict)


def _base(model_type: str, architecture: str, **changes) -> dict:
    config = {
        "architectures": [architecture],
        "model_type": model_type,
        "vocab_size": 160,
        "hidden_size": 64,
        "intermediate_size": 72,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "num_key_value_heads": 2,
        "hidden_act": "silu",
        "max_position_embeddings": 256,
        "rms_norm_eps": 1e-5,
        "rope_theta": 10000.0,
        "tie_word_embeddings": False,
        "attention_dropout": 0.0,
        "initializer_range": 0.02,
        "use_cache": True,
        "bos_token_id": 1,
        "eos_token_id": 2,
        "torch_dtype": "float32",
    }
    config.update(changes)
    return {key: value for key, value in config.items() if value != "absent"}


LLAMA3_SCALING = {
    "factor": 8.0,
    "high_freq_factor": 4.0,
    "low_freq_factor": 1.0,
    "original_max_position_embeddings": 32,
    "rope_type": "llama3",
}

MODELS = [
    # Multi-head attention, untied, an epsilon large enough to matter, an odd vocabulary.
    ModelSpec(
        "llama2",
        _base(
            "llama", "LlamaForCausalLM", vocab_size=163, num_key_value_heads=4, rope_scaling=None,
            attention_bias=False, pretraining_tp=1, rms_norm_eps=1e-3,
        ),
    ),
    # Grouped-query attention, tied, sharded, RoPE scaling, several end-of-sequence ids.
    ModelSpec(
        "llama31",
        _base(
            "llama", "LlamaForCausalLM", rope_theta=500000.0, rope_scaling=LLAMA3_SCALING, tie_word_embeddings=True,
            attention_bias=False, mlp_bias=False, head_dim=16, eos_token_id=[2, 5],
        ),
        kinds=("float32", "bfloat16", "float16"),
        shard_bytes=150_000,
    ),
    # Linear RoPE scaling, spelled with the older key "type".
    ModelSpec(
        "llama-linear",
        _base(
            "llama", "LlamaForCausalLM", vocab_size=128, hidden_size=32, num_attention_heads=2, num_key_value_heads=1,
            rope_scaling={"type": "linear", "factor": 4.0},
        ),
    ),
    # YaRN with attention biases (q, k, v and o), written in the style of transformers 5: rope_parameters and dtype.
    ModelSpec(
        "llama-yarn",
        _base(
            "llama", "LlamaForCausalLM", vocab_size=128, hidden_size=32, intermediate_size=64, num_attention_heads=2,
            num_key_value_heads=1, attention_bias=True, head_dim=16, mlp_bias=False, pad_token_id=None,
            rope_theta="absent", torch_dtype="absent", dtype="float32",
            rope_parameters={
                "rope_type": "yarn", "rope_theta": 10000.0, "factor": 4.0, "original_max_position_embeddings": 32,
                "beta_fast": 4.0, "beta_slow": 1.0,
            },
            transformers_version="5.17.0",
        ),
    ),
    # A window of 8 keys (the token itself among them), shorter than every prompt.
    ModelSpec(
        "mistral",
        _base(
            "mistral", "MistralForCausalLM", hidden_size=48, num_attention_heads=3, num_key_value_heads=1,
            sliding_window=8, head_dim=None,
        ),
    ),
    # q, k, v bias, tied; the window in the file is switched off by use_sliding_window.
    ModelSpec(
        "qwen2",
        _base(
            "qwen2", "Qwen2ForCausalLM", rope_theta=1000000.0, rms_norm_eps=1e-6, tie_word_embeddings=True,
            use_sliding_window=False, sliding_window=8, max_window_layers=1, vocab_size=151,
        ),
    ),
    # q/k norm, an epsilon large enough to matter, a head size of 32 while hidden / heads is 16.
    ModelSpec(
        "qwen3",
        _base(
            "qwen3", "Qwen3ForCausalLM", rms_norm_eps=1e-2, head_dim=32, attention_bias=False,
            use_sliding_window=False, sliding_window=None, max_window_layers=2, rope_theta="absent",
            torch_dtype="absent", dtype="float32", rope_parameters={"rope_theta": 1000000.0, "rope_type": "default"},
            layer_types=["full_attention", "full_attention"], bos_token_id=None, pad_token_id=None,
        ),
        kinds=("float32", "bfloat16"),
    ),
]

ATTENTION = ["q_proj", "k_proj", "v_proj", "o_proj"]
MLP = ["gate_proj", "up_proj", "down_proj"]
HALVES = ("float32", "bfloat16", "float16")

ADAPTERS = [
    AdapterSpec("qv-r8", "llama2", dict(r=8, lora_alpha=16, target_modules=["q_proj", "v_proj"]), ("short", "long")),
    # PEFT writes the names that "all-linear" stood for; older files carry the word itself.
    AdapterSpec(
        "all-linear-r3", "llama2", dict(r=3, lora_alpha=6, target_modules="all-linear"),
        edits={"target_modules": "all-linear"},
    ),
    AdapterSpec(
        "regex-r2", "llama2",
        dict(r=2, lora_alpha=5, target_modules=r".*\.layers\.\d+\.(self_attn\.(q|o)_proj|mlp\.down_proj)"),
    ),
    AdapterSpec("mlp-r1", "llama2", dict(r=1, lora_alpha=3, target_modules=MLP)),
    # The embedding is a target, so PEFT saves the base embedding too ("…base_layer.weight").
    AdapterSpec("embed-r4", "llama2", dict(r=4, lora_alpha=8, target_modules=["embed_tokens", "q_proj"])),
    AdapterSpec(
        "embed-only-r2", "llama2", dict(r=2, lora_alpha=4, target_modules=["embed_tokens"]),
        save_embedding_layers=False,
    ),
    AdapterSpec(
        "head-r5", "llama2", dict(r=5, lora_alpha=10, target_modules=["lm_head", "v_proj"]),
        save_embedding_layers=False,
    ),
    AdapterSpec("rslora-r16", "llama2", dict(r=16, lora_alpha=4, use_rslora=True, target_modules=["k_proj", "o_proj"])),
    AdapterSpec(
        "patterns", "llama2",
        dict(
            r=4, lora_alpha=8, target_modules=ATTENTION + ["down_proj"],
            rank_pattern={
                r"layers\.1\.self_attn\.(k|o)_proj": 6, "model.layers.0.self_attn.v_proj": 2,
                "0.self_attn.q_proj": 1, "q_proj": 3,
                r"^model\.layers\.1\.mlp\.down_proj": 1,
            },
            alpha_pattern={"0.self_attn.o_proj": 2, "o_proj": 20, "q_proj": 9, r"layers\.\d\.mlp\.down_proj": 3},
        ),
    ),
    AdapterSpec(
        "layer1-r4", "llama2",
        dict(
            r=4, lora_alpha=12, target_modules=["q_proj", "up_proj"], layers_to_transform=[1],
            layers_pattern="layers",
        ),
    ),
    AdapterSpec(
        "dora-head-r4", "llama2", dict(r=4, lora_alpha=8, use_dora=True, target_modules=["lm_head", "k_proj"]),
        save_embedding_layers=False,
    ),
    AdapterSpec(
        "dora-embed-r4", "llama2", dict(r=4, lora_alpha=8, use_dora=True, target_modules=["embed_tokens", "o_proj"]),
        save_embedding_layers=False,
    ),
    AdapterSpec(
        "k-r64", "llama31", dict(r=64, lora_alpha=64, target_modules=["k_proj"]), ("short", "long"),
    ),
    AdapterSpec(
        "qkvo-r8", "llama31", dict(r=8, lora_alpha=16, target_modules=ATTENTION), ("short", "long"), HALVES,
    ),
    AdapterSpec(
        "head-r4", "llama31", dict(r=4, lora_alpha=24, target_modules=["lm_head"]), kinds=HALVES,
        save_embedding_layers=False,
    ),
    AdapterSpec(
        "embed-r3", "llama31", dict(r=3, lora_alpha=6, target_modules=["embed_tokens", "gate_proj"]),
        save_embedding_layers=False,
    ),
    # Adapters are often kept in float32 beside a base in bfloat16.
    AdapterSpec(
        "float32-r8", "llama31", dict(r=8, lora_alpha=8, target_modules=["q_proj", "down_proj"]),
        kinds=("bfloat16",), stored="float32",
    ),
    AdapterSpec(
        "dora-r8", "llama31", dict(r=8, lora_alpha=8, use_dora=True, target_modules=ATTENTION + MLP), kinds=HALVES,
    ),
    AdapterSpec(
        "rslora-patterns", "llama31",
        dict(
            r=2, lora_alpha=4, use_rslora=True, target_modules=["k_proj", "v_proj", "up_proj"],
            rank_pattern={"layers.0.self_attn.k_proj": 16, "up_proj": 3},
            alpha_pattern={r"layers\.1\..*_proj": 6},
        ),
    ),
    AdapterSpec("qv-r8", "llama-linear", dict(r=8, lora_alpha=16, target_modules=["q_proj", "v_proj"]), ("long",)),
    # Rank 64 is wider than the model (32) and than the one key/value head (16).
    AdapterSpec(
        "dora-r64", "llama-yarn", dict(r=64, lora_alpha=32, use_dora=True, target_modules=["k_proj", "o_proj"]),
        ("short", "long"),
    ),
    AdapterSpec("qv-r8", "mistral", dict(r=8, lora_alpha=16, target_modules=["q_proj", "v_proj"]), ("short", "long")),
    AdapterSpec(
        "rslora-dora-r4", "mistral",
        dict(r=4, lora_alpha=4, use_rslora=True, use_dora=True, target_modules=ATTENTION + MLP),
    ),
    AdapterSpec("kv-r16", "mistral", dict(r=16, lora_alpha=16, target_modules=["k_proj", "v_proj"])),
    AdapterSpec(
        "dora-qkv-r8", "qwen2",
        dict(r=8, lora_alpha=8, use_dora=True, target_modules=["q_proj", "k_proj", "v_proj"]), ("short", "long"),
    ),
    AdapterSpec("dora-mlp-r2", "qwen2", dict(r=2, lora_alpha=4, use_dora=True, target_modules=MLP)),
    AdapterSpec("all-linear-r2", "qwen2", dict(r=2, lora_alpha=4, target_modules="all-linear")),
    AdapterSpec(
        "embed-head-r4", "qwen2", dict(r=4, lora_alpha=8, target_modules=["embed_tokens", "lm_head", "v_proj"]),
    ),
    AdapterSpec(
        "all-linear-r4", "qwen3", dict(r=4, lora_alpha=8, target_modules="all-linear"), ("short", "long"),
        ("float32", "bfloat16"),
    ),
    AdapterSpec(
        "rslora-dora-r4", "qwen3",
        dict(r=4, lora_alpha=4, use_rslora=True, use_dora=True, target_modules=ATTENTION),
        kinds=("float32", "bfloat16"),
    ),
    AdapterSpec(
        "patterns", "qwen3",
        dict(
            r=2, lora_alpha=4, target_modules=r"model\.layers\.\d+\.(self_attn|mlp)\.(q|k|v|up)_proj",
            rank_pattern={"k_proj": 16, "v_proj": 1}, alpha_pattern={"k_proj": 8, "layers.1.self_attn.v_proj": 1},
        ),
    ),
]
