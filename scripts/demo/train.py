"""Makes the whole demo: tokenizer, base, adapters, held-out prompts and the evaluation of what was saved.

    python train.py all --out DIR          everything, in about ten minutes on one H100
    python train.py adapters --out DIR     the adapters again, on the base in DIR/base
    python train.py evaluate --out DIR     the evaluation again
"""

import argparse
import json
import os
import subprocess
import sys
import time
from pathlib import Path

SEED = 20_240_607
HELD_OUT = 240
CHECKED = 128


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("stage", choices=["all", "base", "adapters", "one", "evaluate"])
    parser.add_argument("--out", type=Path, required=True, help="the demo's folder")
    parser.add_argument("--only", nargs="*", help="adapters to train; all if left out")
    parser.add_argument("--base-seconds", type=float, default=190)
    parser.add_argument("--adapter-seconds", type=float, default=100)
    parser.add_argument("--base-examples", type=int, default=800_000)
    parser.add_argument("--adapter-examples", type=int, default=80_000)
    parser.add_argument("--base-tokens", type=int, default=49_152, help="tokens per step")
    parser.add_argument("--adapter-tokens", type=int, default=12_288, help="tokens per step")
    parser.add_argument("--workers", type=int, default=12, help="processes at a time")
    parser.add_argument("--held-out", type=int, default=HELD_OUT)
    parser.add_argument("--small", action="store_true", help="a toy model, to try the script out")
    return parser.parse_args()


def excluded(options: argparse.Namespace):
    """(test sentences, check sentences): none is trained on."""
    from corpus import held_out_sentences

    made = held_out_sentences(SEED, options.held_out + CHECKED)
    return made[: options.held_out], made[options.held_out:]


def held_out_texts(options) -> set[str]:
    test, check = excluded(options)
    return {sentence.plain() for sentence in test + check}


def device() -> str:
    import torch

    return "cuda" if torch.cuda.is_available() else "cpu"


def make_base(options) -> None:
    import vocabulary
    from corpus import corpus
    from layout import save_base
    from pretrain import configuration, pretrain

    directory = options.out / "base"
    directory.mkdir(parents=True, exist_ok=True)
    tokenizer = vocabulary.train(SEED, 20_000 if options.small else 120_000)
    vocabulary.save(tokenizer, directory)
    token = tokenizer.token_to_id
    config = configuration(
        tokenizer.get_vocab_size(), token(vocabulary.BEGIN),
        [token(vocabulary.TURN_END), token(vocabulary.END)], options.small,
    )
    began = time.monotonic()
    pool = corpus(None, options.base_examples, SEED, held_out_texts(options), str(directory / "tokenizer.json"),
                  device(), options.workers)
    print(f"corpus: {sum(b.tokens.numel() for b in pool)} tokens in {time.monotonic() - began:.0f} s", flush=True)
    model, steps = pretrain(config, pool, options.base_seconds, options.base_tokens, 2.5e-3, SEED)
    report_requests(options, model)
    save_base(model, directory)
    note(options, "base", {"steps": steps, "tokensPerStep": options.base_tokens, "seconds": options.base_seconds})


def report_requests(options, model) -> None:
    """Prints how often the base does what a system message asks, and remarks when nothing does."""
    from adapters import exactly_right
    from corpus import buckets, encoded
    from lessons import REQUESTS
    from remarks import remark
    from skills import SKILLS
    from tokenizers import Tokenizer
    from vocabulary import rendered

    tokenizer, sentences = Tokenizer.from_file(str(options.out / "base" / "tokenizer.json")), excluded(options)[1]
    for name in [None, *REQUESTS]:
        opening = [("system", REQUESTS[name][0])] if name else []
        answer = SKILLS[name] if name else remark
        pairs = [rendered([*opening, ("user", s.written()), ("assistant", answer(s))]) for s in sentences]
        print(f"base asked for {name}: {exactly_right(model, buckets(encoded(pairs, tokenizer), device())):.1%}",
              flush=True)


def make_adapter(options, name: str) -> None:
    import torch

    from adapters import ADAPTERS, save_adapter, train_adapter
    from corpus import buckets, corpus, encoded
    from skills import SKILLS
    from tokenizers import Tokenizer
    from vocabulary import rendered

    torch.set_num_threads(1)
    adapter = next(adapter for adapter in ADAPTERS if adapter.skill == name)
    file = str(options.out / "base" / "tokenizer.json")
    pool = corpus(name, options.adapter_examples, SEED + 1, held_out_texts(options), file, device())
    pairs = [rendered([("user", s.written()), ("assistant", SKILLS[name](s))]) for s in excluded(options)[1]]
    check = buckets(encoded(pairs, Tokenizer.from_file(file)), device())
    model, steps = train_adapter(adapter, str(options.out / "base"), pool, check, options.adapter_seconds,
                                 options.adapter_tokens, SEED)
    save_adapter(model, options.out / "adapters" / name)
    note(options, f"adapter-{name}", {"steps": steps, "tokensPerStep": options.adapter_tokens})


def make_adapters(options) -> None:
    """Each adapter in a process of its own, `workers` at a time: one small model cannot fill the GPU."""
    from adapters import ADAPTERS

    waiting = [adapter.skill for adapter in ADAPTERS if not options.only or adapter.skill in options.only]
    running: list[subprocess.Popen] = []
    environment = os.environ | {"OMP_NUM_THREADS": "1", "RAYON_NUM_THREADS": "2", "TOKENIZERS_PARALLELISM": "true"}
    while waiting or running:
        while waiting and len(running) < options.workers:
            command = [sys.executable, __file__, "one", *sys.argv[2:], "--only", waiting.pop(0)]
            running.append(subprocess.Popen(command, env=environment))
        for process in [process for process in running if process.poll() is not None]:
            running.remove(process)
            if process.returncode:
                raise SystemExit(f"{process.args[-1]} failed with {process.returncode}")
        time.sleep(0.5)


def evaluate(options) -> None:
    from random import Random

    from evaluate import replies, shares
    from layout import SHOWN, TYPED, write_evaluation, write_manifest, write_prompts
    from sentences import sentence

    random, (test, _) = Random(SEED + 2), excluded(options)
    unknown = [sentence(random, 0.4) for _ in range(options.held_out // 2)]
    free = SHOWN + TYPED
    given = replies(options.out, [made.written() for made in test + unknown] + free, device())
    within = lambda first, count: {name: answers[first:first + count] for name, answers in given.items()}
    samples = {name: dict(zip(free, answers[-len(free):])) for name, answers in given.items()}
    write_prompts(options.out, test)
    right, rarer = shares(test, within(0, len(test))), shares(unknown, within(len(test), len(unknown)))
    write_evaluation(options.out, right, rarer, samples)
    write_manifest(options.out, SEED, notes_folder(options))


def notes_folder(options) -> Path:
    folder = options.out / "notes"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def note(options, name: str, facts: dict) -> None:
    (notes_folder(options) / f"{name}.json").write_text(json.dumps(facts))


def main() -> None:
    options = arguments()
    if options.stage in ("all", "base"):
        make_base(options)
    if options.stage in ("all", "adapters"):
        make_adapters(options)
    if options.stage == "one":
        make_adapter(options, options.only[0])
    if options.stage in ("all", "adapters", "evaluate"):
        evaluate(options)


if __name__ == "__main__":
    main()
