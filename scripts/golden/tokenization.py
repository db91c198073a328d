"""Trains small tokenizers built like those of well-known models and records what the `tokenizers` library does.

    python scripts/golden/tokenization.py [--fuzz DIRECTORY COUNT SEED]

Writes Tests/Golden/tokenizers/: NAME.json (a tokenizer.json), texts.json (shared texts), NAME.cases.json (ids of
those texts, texts of id sequences; null where as expected: `plain` as `ids`, `decoded` as the text itself, `skipped`
as `text`) and MANIFEST.json. With --fuzz, writes COUNT random cases per tokenizer to DIRECTORY, in full, instead.
"""

import json
import pathlib
import random
import sys

import tokenizers
from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers

ROOT = pathlib.Path(__file__).resolve().parents[2]
TARGET = ROOT / "Tests/Golden/tokenizers"
SEED = 20240607

LLAMA3 = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*"
    r"|\s*[\r\n]+|\s+(?!\S)|\s+"
)
QWEN2 = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*"
    r"|\s*[\r\n]+|\s+(?!\S)|\s+"
)
O200K = (
    r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?"
    r"|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*(?i:'s|'t|'re|'ve|'m|'ll|'d)?"
    r"|\p{N}{1,3}| ?[^\s\p{L}\p{N}]++[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)

CORPUS = [
    "The quick brown fox jumps over the lazy dog. It's what we'll do, and they've done; I'd say you're right.",
    "def encode(text):\n    return [token for token in split(text) if token]\n\n\nclass Model:\n\tpass\r\n",
    "In 2023, 1234567 people paid $99.99 (about 45% more) at https://example.com/path?a=1&b=2 #tag @user",
    "Les élèves français étaient déjà à l'école où naïveté et cœur règnent. Ça va très bien, merci beaucoup !",
    "Die größten Städte Österreichs: Wien, Graz, Linz. Straßenbahn fährt über die Brücke.",
    "Привет, мир! Как твои дела сегодня? Мы идём в школу и читаем книги о природе.",
    "你好，世界！今天天气很好，我们去公园散步吧。机器学习模型服务。",
    "日本語の文章です。カタカナとひらがなと漢字が混ざっています。東京は大きい。",
    "안녕하세요 세계! 오늘은 날씨가 좋습니다. 우리는 함께 공부합니다.",
    "مرحبا بالعالم! كيف حالك اليوم؟ نحن ندرس اللغة العربية.",
    "שלום עולם! מה שלומך היום? אנחנו לומדים עברית.",
    "नमस्ते दुनिया! आज मौसम बहुत अच्छा है। हम हिंदी सीख रहे हैं।",
    "สวัสดีชาวโลก วันนี้อากาศดีมาก เราเรียนภาษาไทย",
    "Γειά σου Κόσμε! Τι κάνεις σήμερα; Όλα καλά.",
    "Emoji 😀 😂 👍🏽 👩‍👩‍👧‍👦 🇩🇪 🏳️‍🌈 ❤️ and math ∑∫√∞ ≤ ≥ → ← ½ ² ³.",
    "    indented\n        more\n\t\ttabs\n   \n\n\n  end   of    line     ",
    "aaaa bbbb aaaa bbbb the the the and and and ing ing ing tion tion tion er er er",
]

TEXTS = [
    "",
    " ",
    "  ",
    "   ",
    "\n",
    "\r\n",
    "\r\n\r\n \r\n",
    "\t",
    " \n ",
    "a",
    " a",
    "a ",
    "  a  ",
    "Hello world",
    "hello  world",
    "   leading",
    "trailing   ",
    " \t mixed \n\n  space \r\n\t",
    "it's IT'S It'S we'LL you'Re I'VE 'S 'll ''s 'ſ",
    "don't can't won’t I’m",
    "1",
    "12",
    "123",
    "1234",
    "12345678901234567890",
    "3.14159",
    "1,234,567.89",
    "٣٤٥ ४५६ ½ ² Ⅷ ①",
    "a1b2c3",
    "abc123def",
    "v1.2.3-rc4",
    "x = 10 ** 20 // 3",
    "foo_bar_baz __init__ camelCase PascalCase HTTPServer",
    "!!!",
    "?!...",
    "--- ***",
    "(a) [b] {c} <d>",
    "a.b.c",
    "$100 €50 £20 ¥1000",
    "#!/bin/sh\necho \"$1\" | sed 's/a/b/g'\n",
    "https://example.com/a/b?c=d&e=f#g",
    "user@example.com",
    "C:\\path\\file.txt",
    "\\n \\t \\\\",
    "a\x00b",
    "\x00",
    "\x01\x02\x1f\x7f",
    "café",
    "cafe\u0301",
    "e\u0301\u0302\u0323 o\u0323\u0302",
    "ÅÅ \u212b Å \u2126 \ufb01 ﬀ",
    "ｆｕｌｌ　ｗｉｄｔｈ",
    "\u1e9b\u0323",
    "각 \u1100\u1161\u11a8 한국어 가\u11a8",
    "\u0344 \u0958 \u2adc",
    "ǅ ǆ Ǆ ß ẞ İ ı ŉ",
    "Zalgo: h̵̢͍e̸̫̚l̷͚͋l̵̳̈́o̶̧̕",
    "你好世界",
    "你好，世界！",
    "こんにちは世界 カタカナ",
    "한국어 테스트입니다",
    "مرحبا بالعالم",
    "שָׁלוֹם עוֹלָם",
    "नमस्ते दुनिया क्षत्रिय",
    "สวัสดีชาวโลก",
    "தமிழ் மொழி",
    "ქართული ენა",
    "Հայերեն",
    "አማርኛ",
    "ខ្មែរ",
    "Ελληνικά ΣΊΣΥΦΟΣ",
    "Русский ТЕКСТ",
    "𝒳𝓎𝓏 𐍈 𒀀 𠜎𠜱",
    "😀",
    "😀😂🤣",
    "👩‍👩‍👧‍👦 family",
    "🏳️‍🌈🇩🇪🇫🇷",
    "👍🏽👍🏿",
    "a😀b",
    "❤️ ❤",
    "1️⃣2️⃣",
    "\u200b\u200c\u200d\u2060\ufeff",
    "\u00a0nbsp\u00a0",
    "\u2003em\u2009thin\u3000ideographic",
    "\u2028line\u2029para\u0085nel",
    "\ufffd \uffff \U0010ffff",
    "\ue000 \U000f0000",
    "rtl \u202eoverride\u202c",
    "\u0295 \u2c2f \U0001e030 \U0001fae8 \u31e5",
    "▁ a▁b ▁▁ ▁",
    "<0x41> <0x0A> <0xZZ>",
    "ĠHello Ċ",
    "<s> </s> <unk>",
    "<|endoftext|>",
    "a<|endoftext|>b",
    " <|endoftext|> ",
    "<|im_start|>user\nhi<|im_end|>\n",
    "<|begin_of_text|><|start_header_id|>user<|end_header_id|>\n\nHello<|eot_id|>",
    "<|endoftext|><|endoftext|>",
    "<|endof",
    "<<|endoftext|>>",
    "<s>[INST] hi [/INST] yes</s>",
    "[INST][/INST]",
    "x<s>y</s>z",
    "<s> a",
    " <s> a </s> ",
    '<tool_call>\n{"a": 1}\n</tool_call>',
    "<think> ok </think>",
    "word[SINGLE]word [SINGLE] ([SINGLE])",
    "a  [LEFT]  b  [RIGHT]  c",
    "[LEFT][RIGHT] [LEFT]   [RIGHT]",
    "A NORMAL token normal",
    "the the\n\nthe\n\n\n the",
    "if (x):\n        return  y\n",
    "\n\n\n\n",
    " " * 7 + "x",
    " " * 100,
    "\n" * 50,
    "\t" * 20 + "end",
    " \n" * 20,
    "ab" * 50,
    "the" * 40,
    "é" * 30,
    "😀" * 20,
    "你" * 33,
    "\u0301" * 20,
    "a" + "\u0316\u0301" * 10,
    "The year 2024 had 366 days; 50% of them were 12,345.678 times better than 0.001!",
    "Mixed: Привет 你好 مرحبا 😀 123 abc",
]
LONG = ["a" * 10000, "ab " * 2000, " " * 3000 + "x", "1" * 3000]


def byte_level_model(vocabulary, pattern, normalizer=None, extra=(), **options):
    tokenizer = Tokenizer(models.BPE(**options))
    tokenizer.normalizer = normalizer
    if pattern is None:
        tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    else:
        tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
            [
                pre_tokenizers.Split(Regex(pattern), "isolated"),
                pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
            ]
        )
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=vocabulary, show_progress=False, initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet())
    )
    tokenizer.train_from_iterator(CORPUS, trainer)
    tokenizer.add_tokens(list(extra))
    return tokenizer


def special(*names):
    return [AddedToken(name, special=True, normalized=False) for name in names]


def strippers():
    return [
        AddedToken("[SINGLE]", single_word=True, normalized=False),
        AddedToken("[LEFT]", lstrip=True, normalized=False, special=True),
        AddedToken("[RIGHT]", rstrip=True, normalized=False, special=True),
        AddedToken("normal", normalized=True),
    ]


def llama3():
    names = ["<|begin_of_text|>", "<|end_of_text|>", "<|start_header_id|>", "<|end_header_id|>", "<|eot_id|>"]
    tokenizer = byte_level_model(900, LLAMA3, extra=special(*names), ignore_merges=True)
    start = tokenizer.token_to_id(names[0])
    tokenizer.post_processor = processors.Sequence(
        [
            processors.ByteLevel(trim_offsets=False),
            processors.TemplateProcessing(
                single=f"{names[0]} $A", pair=f"{names[0]} $A {names[0]}:1 $B:1", special_tokens=[(names[0], start)]
            ),
        ]
    )
    return tokenizer


def qwen2():
    extra = special("<|endoftext|>", "<|im_start|>", "<|im_end|>")
    extra += [AddedToken(name, normalized=False) for name in ("<tool_call>", "</tool_call>", "<think>", "</think>")]
    tokenizer = byte_level_model(800, QWEN2, normalizers.NFC(), extra)
    tokenizer.post_processor = processors.ByteLevel(trim_offsets=False)
    return tokenizer


def gpt2():
    tokenizer = byte_level_model(600, None, extra=special("<|endoftext|>"))
    tokenizer.post_processor = processors.ByteLevel(trim_offsets=False)
    return tokenizer


def o200k():
    return byte_level_model(600, O200K, extra=special("<|endoftext|>") + strippers())


def fallback_model(vocabulary, normalizer, pre_tokenizer, extra):
    """Trains on the frequent scripts only, so that the rest takes the byte fallback."""
    names = ["<unk>", "<s>", "</s>"]
    tokenizer = Tokenizer(models.BPE(unk_token="<unk>", fuse_unk=True, byte_fallback=True))
    tokenizer.normalizer = normalizer
    tokenizer.pre_tokenizer = pre_tokenizer
    codes = [f"<0x{byte:02X}>" for byte in range(256)]
    trainer = trainers.BpeTrainer(
        vocab_size=vocabulary, show_progress=False, special_tokens=names + codes, max_token_length=12, min_frequency=1
    )
    lines = [line for text in CORPUS[:6] + CORPUS[-1:] for line in text.split("\n")]
    if pre_tokenizer is None:
        # Without pieces the trainer would learn whole lines.
        lines = [word for line in lines for word in line.split(" ") if word]
    tokenizer.train_from_iterator(lines, trainer)
    # The trainer lists the byte tokens as added ones; real files have them in the vocabulary only.
    document = json.loads(tokenizer.to_str())
    document["added_tokens"] = [token for token in document["added_tokens"] if token["content"] in names]
    tokenizer = Tokenizer.from_str(json.dumps(document))
    tokenizer.add_tokens(extra)
    tokenizer.post_processor = processors.TemplateProcessing(
        single="<s> $A", pair="<s> $A <s>:1 $B:1", special_tokens=[("<s>", tokenizer.token_to_id("<s>"))]
    )
    return tokenizer


def llama2():
    tokenizer = fallback_model(
        800, normalizers.Sequence([normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")]), None, []
    )
    tokenizer.decoder = decoders.Sequence(
        [decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse(), decoders.Strip(" ", 1, 0)]
    )
    return tokenizer


def mistral():
    tokenizer = fallback_model(
        700, None, pre_tokenizers.Metaspace(prepend_scheme="first", split=False), special("[INST]", "[/INST]")
    )
    tokenizer.decoder = decoders.Sequence(
        [decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse(), decoders.Strip(" ", 1, 0)]
    )
    return tokenizer


def metaspace():
    """Splits at the mark, decodes by Metaspace, and strips around added tokens."""
    scheme = dict(prepend_scheme="always", split=True)
    tokenizer = fallback_model(700, normalizers.Lowercase(), pre_tokenizers.Metaspace(**scheme), strippers())
    tokenizer.decoder = decoders.Sequence([decoders.ByteFallback(), decoders.Metaspace(**scheme)])
    return tokenizer


MAKERS = [gpt2, llama2, llama3, metaspace, mistral, o200k, qwen2]
#: Written with merges as "left right", as older files have them.
LEGACY_MERGES = ("gpt2", "llama2")


def document_of(name, tokenizer):
    document = json.loads(tokenizer.to_str())
    if name in LEGACY_MERGES:
        document["model"]["merges"] = [" ".join(pair) for pair in document["model"]["merges"]]
    return document


def encoding_case(tokenizer, text):
    return {
        "text": text,
        "ids": tokenizer.encode(text).ids,
        "plain": tokenizer.encode(text, add_special_tokens=False).ids,
    }


def decoding_case(tokenizer, ids):
    return {
        "ids": ids,
        "text": tokenizer.decode(ids, skip_special_tokens=False),
        "skipped": tokenizer.decode(ids, skip_special_tokens=True),
    }


def random_ids(tokenizer, source):
    """Ids of which many are single bytes, so that broken UTF-8 is frequent."""
    size = tokenizer.get_vocab_size()
    if source.random() < 0.3:
        return [source.randrange(size) for _ in range(source.randrange(1, 25))]
    ids = []
    for _ in range(source.randrange(1, 12)):
        if source.random() < 0.6:
            part = source.choice(["é", "你", "😀", "𒀀", "ｆ", "\u200d", "ß"]).encode()
            ids += byte_ids(tokenizer, part[: source.randrange(1, len(part) + 1)])
        else:
            ids.append(source.randrange(size))
    return ids


def byte_ids(tokenizer, data):
    fallback = [tokenizer.token_to_id(f"<0x{byte:02X}>") for byte in data]
    return fallback if None not in fallback else [tokenizer.token_to_id(BYTE_NAMES[byte]) for byte in data]


def byte_names():
    kept = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    others = [byte for byte in range(256) if byte not in kept]
    return {byte: chr(byte) for byte in kept} | {byte: chr(256 + index) for index, byte in enumerate(others)}


BYTE_NAMES = byte_names()
RANGES = [
    (0x20, 0x7F),
    (0x20, 0x7F),
    (0x09, 0x0E),
    (0x20, 0x21),
    (0x80, 0x180),
    (0x300, 0x370),
    (0x370, 0x600),
    (0x600, 0x700),
    (0x900, 0xA00),
    (0xE00, 0xE80),
    (0x1100, 0x1200),
    (0x1E00, 0x2100),
    (0x2000, 0x2070),
    (0x2100, 0x2200),
    (0x3000, 0x3100),
    (0x4E00, 0x5000),
    (0xAC00, 0xAD00),
    (0xF900, 0xFB50),
    (0xFE00, 0x10000),
    (0x1D000, 0x1D800),
    (0x1F300, 0x1FB00),
    (0x100, 0xD800),
    (0xE000, 0x20000),
]


def random_text(source):
    parts = []
    for _ in range(source.randrange(1, 14)):
        kind = source.random()
        if kind < 0.35:
            parts.append(source.choice(TEXTS))
        elif kind < 0.5:
            parts.append(source.choice([" ", "  ", "\n", "\r\n", "\t", "'s", "'LL", "\u00a0", "1", "23", "the", "."]))
        elif kind < 0.6:
            parts.append(source.choice(" \n\ta1é▁<'") * source.randrange(1, 9))
        else:
            low, high = source.choice(RANGES)
            parts.append("".join(chr(source.randrange(low, high)) for _ in range(source.randrange(1, 8))))
    return "".join(parts)


def cases(tokenizer, source, count):
    texts = [random_text(source) for _ in range(count)]
    sequences = [random_ids(tokenizer, source) for _ in range(count)]
    encodings = [encoding_case(tokenizer, text) for text in texts]
    decodings = [decoding_case(tokenizer, ids) for ids in [case["ids"] for case in encodings] + sequences]
    return {"encode": encodings, "decode": decodings}


def compact(value):
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def shared_text_cases(tokenizer):
    """Per text of texts.json, what follows from it."""
    result = []
    for text in TEXTS:
        case = encoding_case(tokenizer, text)
        decoded = decoding_case(tokenizer, case["ids"])
        result.append(
            [
                case["ids"],
                None if case["plain"] == case["ids"] else case["plain"],
                None if decoded["text"] == text else decoded["text"],
                None if decoded["skipped"] == decoded["text"] else decoded["skipped"],
            ]
        )
    return result


def recorded_cases(tokenizer, source):
    sequences = [decoding_case(tokenizer, random_ids(tokenizer, source)) for _ in range(60)]
    for case in sequences:
        if case["skipped"] == case["text"]:
            case["skipped"] = None
    return {"texts": shared_text_cases(tokenizer), "decode": sequences, "long": long_cases(tokenizer)}


def long_cases(tokenizer):
    """Long texts as a repeated part, and their ids as a count and a checksum, to stay small."""
    result = []
    for text in LONG:
        ids = tokenizer.encode(text, add_special_tokens=False).ids
        checksum = 0
        for token in ids:
            checksum = (checksum * 31 + token) % (1 << 31)
        result.append({"text": text, "count": len(ids), "checksum": checksum})
    return [{**case, **shorten(case["text"])} for case in result]


def shorten(text):
    for size in range(1, 4):
        if text == text[:size] * (len(text) // size):
            return {"text": text[:size], "repeat": len(text) // size, "tail": ""}
    return {"text": text[0], "repeat": len(text) - 1, "tail": text[-1]}


def main():
    TARGET.mkdir(parents=True, exist_ok=True)
    if sys.argv[1:2] == ["--fuzz"]:
        directory, count, seed = pathlib.Path(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4])
        directory.mkdir(parents=True, exist_ok=True)
        for maker in MAKERS:
            tokenizer = Tokenizer.from_file(str(TARGET / f"{maker.__name__}.json"))
            source = random.Random(seed)
            (directory / f"{maker.__name__}.cases.json").write_text(compact(cases(tokenizer, source, count)))
        return
    (TARGET / "texts.json").write_text(compact(TEXTS))
    files = ["texts.json"]
    for maker in MAKERS:
        name = maker.__name__
        path = TARGET / f"{name}.json"
        path.write_text(compact(document_of(name, maker())))
        tokenizer = Tokenizer.from_file(str(path))
        (TARGET / f"{name}.cases.json").write_text(compact(recorded_cases(tokenizer, random.Random(SEED))))
        files += [f"{name}.json", f"{name}.cases.json"]
    manifest = {
        "script": "scripts/golden/tokenization.py",
        "command": "python scripts/golden/tokenization.py",
        "versions": {"tokenizers": tokenizers.__version__},
        "seed": SEED,
        "files": files,
    }
    (TARGET / "MANIFEST.json").write_text(json.dumps(manifest, indent=2) + "\n")


main()
