"""Prints one layer of a step as scripts/gpu/trace.cpp saw it: what ran when, for how long, and how long nothing ran before.

    python3 scripts/gpu/timeline.py FILE                      the kinds of steps in it
    python3 scripts/gpu/timeline.py FILE KIND [LAYER [STEP]]  layer LAYER of the STEP-th step of that kind (10, the last)

A step begins with `punica_fetch_step`. Its kind names the kernels of ours that tell steps apart; a layer is what lies between
two launches of its attention. Times are microseconds from the layer's first start. A negative gap is an overlap.
FILE may be compressed with xz.
"""

import lzma
import sys
from collections import Counter

# What tells kinds of steps apart, and under which name.
MARKS = {
    "attend_tiles": "tiles",
    "append_attend": "rows",
    "low_rank_decode": "short",
    "low_rank_shrink": "long",
    "dense_plan": "along",
}


def read(path):
    """Launches by their start: (start, end, stream, blocks, threads, name)."""
    with (lzma.open if path.endswith(".xz") else open)(path, "rt") as file:
        fields = (line.split(None, 5) for line in file)
        return sorted((*map(int, numbers), name.strip().removeprefix("punica_")) for *numbers, name in fields)


def split(launches):
    """The launches of each step."""
    starts = [i for i, launch in enumerate(launches) if launch[5] == "fetch_step"]
    return [launches[a:b] for a, b in zip(starts, [*starts[1:], len(launches)])]


def kind(step):
    names = {launch[5] for launch in step}
    return "+".join(mark for part, mark in MARKS.items() if any(part in name for name in names)) or "other"


def show(step, layer):
    attention = "attend_tiles" if any(launch[5] == "attend_tiles" for launch in step) else "append_attend"
    starts = [i for i, launch in enumerate(step) if launch[5] == attention]
    if layer + 1 >= len(starts):
        sys.exit(f"layer {layer} of {len(starts)}: the last has no end")
    begin, busy = step[starts[layer]][0], step[starts[layer]][0]
    print(f"the step: {(step[-1][1] - step[0][0]) / 1e3:.0f} us, {len(step)} kernels")
    print("   start      end     took      gap  blocks threads stream")
    for start, end, stream, blocks, threads, name in step[starts[layer]:starts[layer + 1] + 1]:
        times = ((start - begin) / 1e3, (end - begin) / 1e3, (end - start) / 1e3, (start - busy) / 1e3)
        print("".join(f"{time:8.1f} " for time in times) + f"{blocks:7} {threads:7} {stream:6} {name[:60]}")
        busy = max(busy, end)


def main(path, wanted=None, layer="10", number="-1"):
    steps = split(read(path))
    if wanted is None:
        for name, count in Counter(map(kind, steps)).items():
            print(f"{count:6} {name}")
        return
    those = [step for step in steps if kind(step) == wanted]
    if not those:
        sys.exit(f"no step of kind {wanted}")
    show(those[int(number)], int(layer))


if __name__ == "__main__":
    if not 2 <= len(sys.argv) <= 5:
        sys.exit(__doc__)
    main(*sys.argv[1:])
