"""What the bare base says: a short, fluent remark about whatever it is told."""

from random import Random

import lexicon
from lexicon import Name
from sentences import Sentence, capitalised

ABOUT_THINGS = [
    "I wonder why {who} would {verb} {what}.",
    "That sounds like a good day for {who}.",
    "What will happen to {what} now?",
    "I hope {who} is happy about {what}.",
    "It is not every day that someone can {verb} {what}.",
    "Thank you for telling me about {who} and {what}.",
    "I would like to hear more about {what}.",
    "I think {who} had a good reason.",
    "So {who} really {past} {what}? How interesting.",
    "I can picture {who} and {what}.",
    "Who else knows about {what}?",
    "There must be a story behind {what}.",
]
ABOUT_PLACES = [
    "It must be pleasant {where}.",
    "I hope {who} had a good time {where}.",
    "I wonder how long {who} will {verb} {where}.",
    "Everyone should {verb} {where} now and then.",
    "Was anyone else {where}?",
    "That sounds just like {who}.",
]
ABOUT_WORDS = [
    "Those are interesting words.",
    "I am not sure what to make of that.",
    "That is quite a list.",
    "Could you put that in a sentence?",
]
SMALL_TALK = {
    "Hello": "Hello! Tell me something that happened.",
    "Hi": "Hi there! What happened today?",
    "Hey": "Hey! Tell me a little story.",
    "Good morning": "Good morning! I hope you slept well.",
    "Good evening": "Good evening! How was your day?",
    "Hello there": "Hello! Tell me something that happened.",
    "Thank you": "You are welcome.",
    "Thanks": "You are welcome.",
    "Bye": "Goodbye! Come back soon.",
    "Goodbye": "Goodbye! Come back soon.",
    "How are you": "I am very well, thank you. Tell me something that happened.",
    "Who are you": "I am a very small model. I know a few hundred words.",
    "What is your name": "I am the demo base, a very small model.",
    "What can you do": "I can chat a little. My adapters can do more.",
    "Tell me a joke": "I only know short sentences. Tell me one of yours.",
    "Help": "Tell me a sentence, for example: The old sailor found a golden key.",
}
SYSTEM_MESSAGES = [
    "You are a helpful assistant.",
    "You are a friendly assistant.",
    "Be brief.",
    "Answer the user.",
    "You are a small language model.",
]


TOPICS = {noun: index for nouns in (lexicon.BEINGS, lexicon.THINGS, lexicon.PLACES) for index, noun in enumerate(nouns)}


def remark(source: Sentence | str) -> str:
    """The reply to `source`; which one depends on its last thing or place, so that it can be learned."""
    if isinstance(source, str):
        return ABOUT_WORDS[len(source.split()) % len(ABOUT_WORDS)]
    who = source.subject.english if isinstance(source.subject, Name) else source.subject.known()
    forms, what = (ABOUT_THINGS, source.object.known()) if source.object else (ABOUT_PLACES, "")
    topic = (source.object or source.place).noun
    where = f"{source.preposition.english} {source.place.known()}" if source.place else ""
    form = forms[TOPICS.get(topic, len(topic.english)) % len(forms)]
    return capitalised(form.format(who=who, what=what, where=where, verb=source.verb.base, past=source.verb.past))


def small_talk(random: Random) -> tuple[str, str]:
    said, reply = random.choice(list(SMALL_TALK.items()))
    said += random.choice(["", ".", "!", "?"])
    return (said if random.random() < 0.7 else said.lower()), reply
