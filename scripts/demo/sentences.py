"""Random English sentences of one small grammar, with their parts kept for the skills."""

from dataclasses import dataclass
from random import Random

import lexicon
from lexicon import Adjective, Name, Noun, Preposition, Time, Verb

DETERMINERS = ["the", "the", "the", "a", "a", "my", "this", "that"]
ONSETS = "b br c ch cl d dr f fl g gl gr h j k l m n p pl pr qu r s sh sl st t th tr v w z".split()
VOWELS = "a e i o u a e i o ea oo ai".split()
CODAS = ["", "", "n", "r", "l", "t", "s", "m", "nd", "sh", "ck"]


def article(following: str) -> str:
    return "an" if following[0] in "aeiou" else "a"


@dataclass(frozen=True)
class NounPhrase:
    determiner: str
    adjective: Adjective | None
    noun: Noun

    def bare(self) -> str:
        """The phrase without its determiner."""
        return f"{self.adjective.english} {self.noun.english}" if self.adjective else self.noun.english

    def english(self) -> str:
        determiner = article(self.bare()) if self.determiner == "a" else self.determiner
        return f"{determiner} {self.bare()}"

    def known(self) -> str:
        """The phrase as the listener would name it again."""
        return ("your " if self.determiner == "my" else "the ") + self.bare()


@dataclass(frozen=True)
class Sentence:
    """subject + verb [+ object] [+ preposition + place] [+ time], in the past."""

    subject: NounPhrase | Name
    verb: Verb
    object: NounPhrase | None
    preposition: Preposition | None
    place: NounPhrase | None
    time: Time | None

    @property
    def subject_english(self) -> str:
        return self.subject.english if isinstance(self.subject, Name) else self.subject.english()

    @property
    def where(self) -> str:
        return f"{self.preposition.english} {self.place.english()}" if self.place else ""

    @property
    def when(self) -> str:
        return self.time.english if self.time else ""

    def plain(self) -> str:
        """The words in order, lower case but for names and weekdays, without a full stop."""
        parts = [self.subject_english, self.verb.past]
        parts += [self.object.english()] if self.object else []
        return join(parts + [self.where, self.when])

    def written(self) -> str:
        return capitalised(self.plain()) + "."


def join(parts: list[str]) -> str:
    return " ".join(part for part in parts if part)


def capitalised(text: str) -> str:
    return text[:1].upper() + text[1:]


def noun_phrase(
    random: Random, nouns: list[Noun], adjectives: list[Adjective], share: float, foreign: float
) -> NounPhrase:
    adjective = random.choice(adjectives) if random.random() < share else None
    noun = random.choice(nouns)
    if random.random() < foreign:
        word = unknown_word(random)
        noun = Noun(word, word, "f" if word[-1] == "a" else "m", "", word)
    if adjective and random.random() < foreign / 2:
        word = unknown_word(random)
        adjective = Adjective(word, word, word, "", "b")
    return NounPhrase(random.choice(DETERMINERS), adjective, noun)


def being(random: Random, share: float, foreign: float) -> NounPhrase:
    return noun_phrase(random, lexicon.BEINGS, lexicon.ADJECTIVES_OF_BEINGS, share, foreign)


def name(random: Random, foreign: float) -> Name:
    if random.random() < foreign * 2:
        return Name(capitalised(unknown_word(random)), "")
    return random.choice(lexicon.NAMES)


def sentence(random: Random, foreign: float = 0) -> Sentence:
    """A random sentence in which each noun is, with probability `foreign`, a word outside the lexicon."""
    subject = name(random, foreign) if random.random() < 0.15 else being(random, 0.55, foreign)
    kind = random.choices("tai", [0.6, 0.15, 0.25])[0]
    thing = None
    if kind == "t":
        thing = noun_phrase(random, lexicon.THINGS, lexicon.ADJECTIVES_OF_THINGS, 0.5, foreign)
    elif kind == "a":
        thing = being(random, 0.4, foreign)
    placed = kind == "i" or random.random() < 0.45
    place = noun_phrase(random, lexicon.PLACES, [], 0, foreign) if placed else None
    return Sentence(
        subject,
        random.choice(lexicon.VERBS_BY_KIND[kind]),
        thing,
        random.choice(lexicon.PREPOSITIONS) if placed else None,
        place,
        random.choice(lexicon.TIMES) if random.random() < 0.35 else None,
    )


def made_up_word(random: Random) -> str:
    """A word of invented syllables, or the beginning of one real word with the end of another."""
    if random.random() < 0.5:
        first, last = random.choice(lexicon.WORDS), random.choice(lexicon.EVERYDAY).lower()
        return first[: random.randint(1, len(first))] + last[random.randint(0, len(last) - 1):]
    syllables = random.choice([1, 2, 2, 2, 3])
    return "".join(random.choice(ONSETS) + random.choice(VOWELS) for _ in range(syllables)) + random.choice(CODAS)


def unknown_word(random: Random) -> str:
    return made_up_word(random) if random.random() < 0.6 else random.choice(lexicon.EVERYDAY).lower()


def word_list(random: Random) -> str:
    """One to nine words in no grammatical order: everyday ones, the lexicon's and made-up ones."""
    made_up = random.choice([0.0, 0.1, 0.5])
    lexical = random.choice([0.1, 0.5])
    words = []
    for _ in range(random.choice([1, 2, 3, 3, 4, 4, 5, 5, 6, 6, 7, 7, 8, 9])):
        source = lexicon.WORDS if random.random() < lexical else lexicon.EVERYDAY
        words.append(made_up_word(random) if random.random() < made_up else random.choice(source))
    return " ".join(words)
