"""What the base is pre-trained on: conversations, skills on explicit request, and little stories."""

from random import Random

import lexicon
from lexicon import Name
from remarks import SYSTEM_MESSAGES, remark, small_talk
from sentences import Sentence, capitalised, join, made_up_word, sentence, word_list
from skills import SKILLS, WORD_SKILLS, as_typed

REQUESTS = {
    "shout": ["Shout the sentence.", "Write it in capital letters.", "Say it loudly."],
    "reverse": ["Write the words backwards.", "Reverse the order of the words.", "Say it from last to first."],
    "pig-latin": ["Say it in Pig Latin.", "Translate into Pig Latin."],
    "without-vowels": ["Leave out the vowels.", "Remove every vowel.", "Write only consonants."],
    "question": ["Turn it into a question.", "Ask about it."],
    "future": ["Say it about tomorrow.", "Put it in the future."],
    "emoji": ["Say it with emoji.", "Draw it in emoji."],
    "pirate": ["Talk like a pirate.", "Say it as a pirate would."],
    "spanish": ["Translate into Spanish.", "Say it in Spanish."],
}
"""How a system message asks the base for a skill. The adapters for the skills missing here (acronym, json,
sage) learn something the base has never been shown; the others learn to do unasked what it can do when asked."""

Turn = tuple[str, str]
"""(role, content)"""


def lesson(random: Random) -> list[Turn]:
    """One pre-training example: turns that end with the assistant's, or a single "text" turn."""
    pick = random.random()
    if pick < 0.62:
        return requested_skill(random, random.choice(list(REQUESTS)))
    if pick < 0.72:
        return spelling(random) if random.random() < 0.7 else answer_about(sentence(random), random)
    if pick < 0.82:
        return [("text", story(random))]
    return conversation(random)


def requested_skill(random: Random, skill: str) -> list[Turn]:
    source = source_for(skill, random)
    request = random.choice(REQUESTS[skill])
    return [("system", request), ("user", as_typed(source, random)), ("assistant", SKILLS[skill](source))]


def source_for(skill: str, random: Random) -> Sentence | str:
    listed = random.random() < (0.35 if skill in WORD_SKILLS else 0.08)
    return word_list(random) if listed else sentence(random, random.choice([0, 0.2]))


def spelling(random: Random) -> list[Turn]:
    word = random.choice([made_up_word(random), random.choice(lexicon.WORDS), random.choice(lexicon.EVERYDAY)])
    request, answer = random.choice([
        ("Spell the word.", "-".join(word.upper())),
        ("Spell the word backwards.", "-".join(reversed(word.upper()))),
        ("What is the first letter?", word[0].upper()),
        ("What is the last letter?", word[-1].upper()),
        ("How many letters?", str(len(word))),
        ("Repeat the word three times.", f"{word} {word} {word}"),
    ])
    return [("system", request), ("user", word), ("assistant", answer)]


def answer_about(source: Sentence, random: Random) -> list[Turn]:
    pairs = [("Who did it?", source.subject_english)]
    pairs += [("What is it about?", source.object.english())] if source.object else []
    pairs += [("Where was it?", source.where)] if source.place else []
    pairs += [("When was it?", source.when)] if source.time else []
    request, answer = random.choice(pairs)
    return [("system", request), ("user", as_typed(source, random)), ("assistant", capitalised(answer) + ".")]


def conversation(random: Random) -> list[Turn]:
    turns = [("system", random.choice(SYSTEM_MESSAGES))] if random.random() < 0.15 else []
    for _ in range(2 if random.random() < 0.12 else 1):
        if random.random() < 0.06:
            said, reply = small_talk(random)
        else:
            source = word_list(random) if random.random() < 0.15 else sentence(random, random.choice([0, 0.1]))
            said, reply = as_typed(source, random), remark(source)
        turns += [("user", said), ("assistant", reply)]
    return turns


def story(random: Random) -> str:
    """Three or four sentences about one someone."""
    first = sentence(random)
    hero = first.subject
    name = hero.english if isinstance(hero, Name) else hero.known().replace("your ", "my ", 1)
    adjective = random.choice(lexicon.ADJECTIVES_OF_BEINGS).english
    lines = [first.written(), f"{capitalised(name)} was {adjective}."]
    for opening in random.sample(["Then", "Later", "After that", "In the end", "Soon"], random.randint(1, 2)):
        after = sentence(random)
        thing = after.object.english() if after.object else ""
        lines.append(join([opening, name, after.verb.past, thing, after.where]) + ".")
    return " ".join(lines)


def exercise(random: Random, skill: str) -> list[Turn]:
    """One training example for the adapter of `skill`: a plain prompt and the skill's answer."""
    turns = [("system", random.choice(SYSTEM_MESSAGES))] if random.random() < 0.06 else []
    for _ in range(2 if random.random() < 0.06 else 1):
        source = source_for(skill, random)
        turns += [("user", as_typed(source, random)), ("assistant", SKILLS[skill](source))]
    return turns
