"""Times `punica serve` from exec until `/ready` answers: the first time ever, then with kernels cached.

    python3 scripts/gpu/start.py PUNICA DIR [BACKEND [LAYERS]]

Makes a Llama-2-7B (LAYERS of it, 32) of random bfloat16 weights in DIR, one file of 13.5 GB, with the demo's tokenizer;
it is in the page cache then. The cache of kernels is DIR/cache, which is emptied first. Prints a record a line.
Needs nothing but Python.
"""

import json
import os
import random
import shutil
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

PORT = 18753
HIDDEN, FEED_FORWARD, VOCABULARY = 4096, 11008, 32000


def tensors(layers):
    """Names and shapes, in the order of the file."""
    yield "model.embed_tokens.weight", (VOCABULARY, HIDDEN)
    for layer in range(layers):
        prefix = f"model.layers.{layer}."
        for name in "qkvo":
            yield f"{prefix}self_attn.{name}_proj.weight", (HIDDEN, HIDDEN)
        for name in ("gate", "up"):
            yield f"{prefix}mlp.{name}_proj.weight", (FEED_FORWARD, HIDDEN)
        yield f"{prefix}mlp.down_proj.weight", (HIDDEN, FEED_FORWARD)
        for name in ("input", "post_attention"):
            yield f"{prefix}{name}_layernorm.weight", (HIDDEN,)
    yield "model.norm.weight", (HIDDEN,)
    yield "lm_head.weight", (VOCABULARY, HIDDEN)


def make(directory, layers):
    demo = Path(__file__).resolve().parents[2] / "Demo/base"
    directory.mkdir(parents=True, exist_ok=True)
    for name in ("tokenizer.json", "tokenizer_config.json"):
        shutil.copy(demo / name, directory)
    config = dict(
        architectures=["LlamaForCausalLM"], model_type="llama", hidden_act="silu", torch_dtype="bfloat16",
        hidden_size=HIDDEN, intermediate_size=FEED_FORWARD, vocab_size=VOCABULARY, num_hidden_layers=layers,
        num_attention_heads=32, num_key_value_heads=32, max_position_embeddings=4096, rms_norm_eps=1e-5,
        tie_word_embeddings=False, eos_token_id=3068)
    (directory / "config.json").write_text(json.dumps(config))
    # Numbers of +-2^-7 to 2^-4 as bfloat16: sign, seven exponent bits of few values, and a mantissa.
    numbers = random.Random(1)
    pattern = b"".join(
        (numbers.getrandbits(1) << 15 | numbers.randint(120, 123) << 7 | numbers.getrandbits(7)).to_bytes(2, "little")
        for _ in range(1 << 20))
    header, end = {}, 0
    for name, shape in tensors(layers):
        size = 2 * shape[0] * (shape[1] if len(shape) == 2 else 1)
        header[name] = dict(dtype="BF16", shape=shape, data_offsets=[end, end + size])
        end += size
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    with open(directory / "model.safetensors", "wb") as file:
        file.write(len(text).to_bytes(8, "little") + text)
        for start in range(0, end, len(pattern)):
            file.write(pattern[:end - start])


def seconds_to_ready(punica, directory, backend):
    environment = dict(os.environ, XDG_CACHE_HOME=str(directory / "cache"))
    command = [punica, "serve", "--model", str(directory), "--backend", backend, "--port", str(PORT)]
    start = time.monotonic()
    with open(directory / "serve.log", "wb") as log:
        server = subprocess.Popen(command, env=environment, stdout=log, stderr=log)
    try:
        while True:
            if server.poll() is not None:
                sys.exit(f"serve ended:\n{(directory / 'serve.log').read_text()}")
            try:
                with urllib.request.urlopen(f"http://127.0.0.1:{PORT}/ready", timeout=1) as answer:
                    if answer.status == 200:
                        return time.monotonic() - start
            except OSError:
                time.sleep(0.01)
    finally:
        server.terminate()
        server.wait()


def main(punica, directory, backend="cuda", layers="32"):
    directory = Path(directory)
    make(directory, int(layers))
    shutil.rmtree(directory / "cache", ignore_errors=True)
    runs = [("the first time ever", 1), ("kernels cached, weights in page cache", 3)]
    for what, count in runs:
        times = sorted(seconds_to_ready(punica, directory, backend) for _ in range(count))
        print(json.dumps(dict(
            bench="start", gpu=os.environ.get("PUNICA_GPU"), commit=os.environ.get("PUNICA_COMMIT"),
            date=time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()), model="llama-2-7b",
            measured=f"exec to ready, {what}", median=round(times[count // 2], 2), unit="s", samples=count)), flush=True)


if __name__ == "__main__":
    if not 3 <= len(sys.argv) <= 5:
        sys.exit(__doc__)
    main(*sys.argv[1:])
