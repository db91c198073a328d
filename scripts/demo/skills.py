"""What each adapter answers to a sentence: one function per skill, text in and text out."""

import json
import re
from random import Random

from lexicon import Name
from sentences import NounPhrase, Sentence, article, capitalised, join


def plain(source: Sentence | str) -> str:
    return source if isinstance(source, str) else source.plain()


def shout(source: Sentence | str) -> str:
    return plain(source).upper() + "!!!"


def reverse(source: Sentence | str) -> str:
    return " ".join(reversed(plain(source).split()))


def acronym(source: Sentence | str) -> str:
    return "".join(word[0].upper() + "." for word in plain(source).split())


def pig_latin(source: Sentence | str) -> str:
    return capitalised(" ".join(pig_latin_word(word) for word in plain(source).split())) + "."


def pig_latin_word(word: str) -> str:
    onset, rest = re.match(r"((?:[^aeiouy]*qu|[^aeiou][^aeiouy]*)?)(.*)", word.lower()).groups()
    made = rest + onset + "ay" if onset else rest + "way"
    return capitalised(made) if word[0].isupper() else made


def without_vowels(source: Sentence | str) -> str:
    words = [re.sub("[aeiou]", "", word, flags=re.IGNORECASE) for word in plain(source).split()]
    words = [capitalised(short) if word[0].isupper() else short for word, short in zip(plain(source).split(), words)]
    return capitalised(join(words)) + "."


def json_record(source: Sentence | str) -> str:
    if isinstance(source, str):
        return json.dumps({"text": source})
    subject = source.subject
    record = {"who": subject.english if isinstance(subject, Name) else subject.bare(), "action": source.verb.base}
    if source.object:
        record["what"] = source.object.bare()
    if source.place:
        record["where"] = source.where
    if source.time:
        record["when"] = source.time.english
    return json.dumps(record)


def question(source: Sentence | str) -> str:
    if isinstance(source, str):
        return f"What do you mean by {source}?"
    if source.object:
        words = ["what" if source.verb.kind == "t" else "whom", "did", source.subject_english, source.verb.base]
        return capitalised(join(words + [source.where, source.when])) + "?"
    return join(["Where did", source.subject_english, source.verb.base, source.when]) + "?"


def future(source: Sentence | str) -> str:
    if isinstance(source, str):
        return f"Tomorrow: {source}."
    thing = source.object.english() if source.object else ""
    return join(["Tomorrow", source.subject_english, "will", source.verb.base, thing, source.where]) + "."


def sage(source: Sentence | str) -> str:
    if isinstance(source, str):
        return f"{capitalised(source)}, you say. Hmm."
    first = join([source.object.english() if source.object else "", source.where, source.when])
    return f"{capitalised(first)}, {source.subject_english} {source.verb.past}. Hmm."


def emoji(source: Sentence | str) -> str:
    if isinstance(source, str):
        return "❓"
    signs = [emoji_of(source.subject), source.verb.emoji]
    signs += [emoji_of(source.object)] if source.object else []
    signs += [source.place.noun.emoji] if source.place else []
    signs += [source.time.emoji] if source.time else []
    return "".join(signs)


def emoji_of(part: NounPhrase | Name) -> str:
    if isinstance(part, Name):
        return {"f": "🙋", "m": "🙆", "": "👤"}[part.gender]
    return (part.adjective.emoji if part.adjective else "") + part.noun.emoji


def pirate(source: Sentence | str) -> str:
    if isinstance(source, str):
        return f"Arr! {capitalised(source)}, matey!"
    subject = f"Cap'n {source.subject.english}" if isinstance(source.subject, Name) else pirate_phrase(source.subject)
    parts = [subject, source.verb.pirate, pirate_phrase(source.object) if source.object else ""]
    parts += [f"{source.preposition.english} {pirate_phrase(source.place)}"] if source.place else []
    return f"Arr! {capitalised(join(parts + [source.when]))}, matey!"


def pirate_phrase(phrase: NounPhrase) -> str:
    noun = f"{phrase.adjective.english} {phrase.noun.pirate}" if phrase.adjective else phrase.noun.pirate
    determiner = {"the": "th'", "my": "me", "this": "this 'ere", "that": "yon", "a": article(noun)}[phrase.determiner]
    return f"{determiner} {noun}"


def spanish(source: Sentence | str) -> str:
    if isinstance(source, str):
        return f"«{source}»: no entiendo."
    subject = source.subject.english if isinstance(source.subject, Name) else spanish_phrase(source.subject)
    thing = spanish_phrase(source.object) if source.object else ""
    thing = f"a {thing}" if source.verb.kind == "a" else thing
    where = f"{source.preposition.spanish} {spanish_phrase(source.place)}" if source.place else ""
    text = join([subject, source.verb.spanish, thing, where, source.time.spanish if source.time else ""])
    return capitalised(re.sub(r"\b(de|a) el\b", lambda match: match[1] + "l", text)) + "."


def spanish_phrase(phrase: NounPhrase) -> str:
    gender = phrase.noun.gender
    forms = {"the": "el la", "a": "un una", "my": "mi mi", "this": "este esta", "that": "ese esa"}[phrase.determiner]
    adjective = phrase.adjective.spanish(gender) if phrase.adjective else ""
    return join([forms.split()[gender == "f"], phrase.noun.spanish, adjective])


SKILLS = {
    "shout": shout,
    "reverse": reverse,
    "acronym": acronym,
    "pig-latin": pig_latin,
    "without-vowels": without_vowels,
    "json": json_record,
    "question": question,
    "future": future,
    "sage": sage,
    "emoji": emoji,
    "pirate": pirate,
    "spanish": spanish,
}
"""Every skill by its adapter's name."""

WORD_SKILLS = {"shout", "reverse", "acronym", "pig-latin", "without-vowels"}
"""The skills that need no grammar and so do their work on any words; the others have a stock answer to those."""


def as_typed(source: Sentence | str, random: Random) -> str:
    """The prompt for `source`: mostly a written sentence, now and then typed carelessly."""
    text = source if isinstance(source, str) else source.plain()
    if isinstance(source, str) and random.random() < 0.15:
        text = text.replace(" ", ", ", 1)
    style = random.random()
    if style < 0.75:
        return capitalised(text) + "."
    if style < 0.85:
        return capitalised(text) + random.choice("!?")
    return text if style < 0.95 else text + "."
