"""The closed vocabulary of the demo's sentences, read from the tables in lexicon/."""

import csv
from dataclasses import dataclass
from pathlib import Path

TABLES = Path(__file__).parent / "lexicon"


@dataclass(frozen=True)
class Noun:
    english: str
    spanish: str
    gender: str
    emoji: str
    pirate: str


@dataclass(frozen=True)
class Adjective:
    english: str
    masculine: str
    feminine: str
    emoji: str
    use: str

    def spanish(self, gender: str) -> str:
        return self.masculine if gender == "m" else self.feminine


@dataclass(frozen=True)
class Verb:
    past: str
    base: str
    spanish: str
    emoji: str
    kind: str
    pirate: str


@dataclass(frozen=True)
class Preposition:
    english: str
    spanish: str


@dataclass(frozen=True)
class Time:
    english: str
    spanish: str
    emoji: str


@dataclass(frozen=True)
class Name:
    english: str
    gender: str


def table(file: str, row):
    """The rows of lexicon/<file>.csv, each made into `row`."""
    with open(TABLES / f"{file}.csv", encoding="utf-8", newline="") as lines:
        return [row(*cells) for cells in csv.reader(lines) if not cells[0].startswith("#")]


PEOPLE = table("people", Noun)
ANIMALS = table("animals", Noun)
BEINGS = PEOPLE + ANIMALS
THINGS = table("things", Noun)
PLACES = table("places", Noun)
ADJECTIVES = table("adjectives", Adjective)
ADJECTIVES_OF_BEINGS = [adjective for adjective in ADJECTIVES if adjective.use in "ab"]
ADJECTIVES_OF_THINGS = [adjective for adjective in ADJECTIVES if adjective.use in "tb"]
VERBS = table("verbs", Verb)
VERBS_BY_KIND = {kind: [verb for verb in VERBS if verb.kind == kind] for kind in "tai"}
PREPOSITIONS = table("prepositions", Preposition)
TIMES = table("times", Time)
NAMES = table("names", Name)

EVERYDAY = (TABLES / "everyday.txt").read_text(encoding="utf-8").split()
"""Common words for text outside the grammar; words said more often are listed more than once."""

WORDS = sorted(
    {noun.english for noun in BEINGS + THINGS + PLACES}
    | {adjective.english for adjective in ADJECTIVES}
    | {verb.past for verb in VERBS}
    | {verb.base for verb in VERBS}
)
