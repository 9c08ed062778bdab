"""Text that people wrote, with gold labels: the development sets, split, and what was written for training; varied by swapping mentions.

A span labelled FREE has no gold: a data set that does not annotate dates says nothing of "May 2005".
"""

import hashlib
import random
import re
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

import marked
import organisations
import people
import places
import venues
from lexicon import MONTHS, NATIONALITIES, WEEKDAYS
from values import Values

Span = tuple[int, int, str]
FREE = "FREE"
HELD_OUT_PERCENT = 15
_UNER = {"PER": "PERSON", "LOC": "LOCATION", "ORG": "ORGANIZATION"}
_WNUT = {"person": "PERSON", "location": "LOCATION", "corporation": "ORGANIZATION", "group": "ORGANIZATION", "creative-work": "O", "product": "O"}
_ECHR = {"PER": "PERSON", "LOC": "LOCATION", "ORG": "ORGANIZATION", "DATETIME": "DATE", "CODE": "ID_NUMBER", "DEM": "NATIONALITY", "QUANTITY": FREE, "MISC": FREE}
_WEB = [(re.compile(r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+"), "EMAIL"), (re.compile(r"(?:https?://|www\.)\S+"), "URL"), (re.compile(r"(?<!\w)@\w{2,}"), "USERNAME")]
_CALENDAR = {w.lower() for names in (*MONTHS.values(), *WEEKDAYS.values()) for w in names} - {"may", "march"} | {"Jan", "Feb", "Oct", "Nov", "Dec", "Aug", "Sept"}
_SENTENCE_END = re.compile(r"[.!?…]['\")»”]*\s+")
_DEMONYMS = {w for names in NATIONALITIES.values() for w in names}


@dataclass
class Text:
    """A text, its spans, the data set and language it is of."""

    text: str
    spans: list[Span]
    source: str
    lang: str = "en"


def _spans(tags: list[str], offsets: list[tuple[int, int]], names: dict[str, str]) -> list[Span]:
    out: list[Span] = []
    previous = "O"
    for tag, (start, end) in zip(tags, offsets):
        label = names.get(tag[2:], "O") if tag != "O" else "O"
        if label != "O" and tag[0] == "I" and previous == tag[2:] and out:
            out[-1] = (out[-1][0], end, label)
        elif label != "O":
            out.append((start, end, label))
        previous = tag[2:] if tag != "O" else "O"
    return out


def _free(text: str, spans: list[Span]) -> list[Span]:
    """Adds what the annotators were not asked for: sure shapes with a label, likely dates and numbers as FREE."""
    taken = [(a, b) for a, b, _ in spans]
    for pattern, label in _WEB:
        for m in pattern.finditer(text):
            if all(m.end() <= a or b <= m.start() for a, b in taken):
                spans.append((m.start(), m.end(), label))
                taken.append(m.span())
    words = list(re.finditer(r"\S+", text))
    for i, m in enumerate(words):
        word = m[0].strip(".,;:!?()'\"")
        near = " ".join(w[0] for w in words[max(0, i - 1) : i + 2]).lower()
        dated = any(c.isdigit() for c in word) and (sum(c.isdigit() for c in word) >= 4 or "/" in word or any(n in near for n in _CALENDAR))
        if (dated or word.lower() in _CALENDAR or word in _CALENDAR or word in _DEMONYMS) and all(m.end() <= a or b <= m.start() for a, b in taken):
            spans.append((m.start(), m.end(), FREE))
    return sorted(spans)


def _sentences(path: Path, word: int, tag: int) -> list[tuple[dict[str, str], list[str], list[str]]]:
    out, meta, words, tags = [], {}, [], []
    document = ""
    for line in path.read_text("utf-8").splitlines() + [""]:
        if line.startswith("# ") and " = " in line:
            key, _, value = line[2:].partition(" = ")
            if key == "newdoc id":
                document = value
            meta[key] = value
        elif not line.strip():
            if words:
                out.append((meta | {"doc": document}, words, tags))
            meta, words, tags = {}, [], []
        else:
            cells = line.split("\t") if "\t" in line else line.rsplit(" ", 1)
            if len(cells) > max(word, tag) and cells[word].strip():
                words.append(cells[word].strip())
                tags.append(cells[tag].strip())
    return out


def _join(words: list[str]) -> tuple[str, list[tuple[int, int]]]:
    offsets, at = [], 0
    for w in words:
        offsets.append((at, at + len(w)))
        at += len(w) + 1
    return " ".join(words), offsets


def _tight(words: list[str]) -> tuple[str, list[tuple[int, int]]]:
    """Tokens joined as they would have been printed, by the usual rules for punctuation."""
    text, offsets, glue = "", [], True
    for i, w in enumerate(words):
        opened = text.count('"') % 2 == 1
        closes = w in {".", ",", ";", ":", "!", "?", ")", "]", "'", "’", "%", "n't", "...", "/"} or w.startswith("'") or (w == '"' and opened)
        if text and not glue and not closes:
            text += " "
        offsets.append((len(text), len(text) + len(w)))
        text += w
        glue = w in {"(", "[", "'", "’", "/", "#", "$"} or (w == '"' and not opened)
    return text, offsets


def _aligned(text: str, words: list[str]) -> list[tuple[int, int]] | None:
    offsets, at = [], 0
    for w in words:
        at = text.find(w, at)
        if at < 0:
            return None
        offsets.append((at, at + len(w)))
        at += len(w)
    return offsets


def _bucket(key: str) -> int:
    return int(hashlib.md5(key.encode()).hexdigest(), 16) % 100


def load(folder: Path) -> tuple[list[list[Text]], list[list[Text]]]:
    """(training, held out): documents of the development sets as lists of consecutive sentences."""
    train: list[list[Text]] = []
    held: list[list[Text]] = []
    documents: dict[str, tuple[list[Text], list[Text]]] = {}  # as written, and with a space between all tokens
    for meta, words, tags in _sentences(folder / "uner-en-ewt-dev.iob2", 1, 2):
        offsets = _aligned(meta.get("text", ""), words)
        forms = [(meta["text"], offsets) if offsets else _join(words), _join(words)]
        for form, (text, offsets) in zip(documents.setdefault(meta["doc"], ([], [])), forms):
            form.append(Text(text, _free(text, _spans(tags, offsets, _UNER)), "uner"))
    for name, (written, joined) in documents.items():
        if _bucket(name) < HELD_OUT_PERCENT:
            held.append(written)
        else:
            train += [written, joined]
    for i, (_, words, tags) in enumerate(_sentences(folder / "wnut17-train.conll", 0, 1)):
        pair = []
        for joiner in (_join, _tight):
            text, offsets = joiner(words)
            pair.append(Text(text, _free(text, _spans(tags, offsets, _WNUT)), "wnut"))
        if _bucket(f"wnut{i // 20}") < HELD_OUT_PERCENT:
            held.append(pair[:1])
        else:
            train.extend([[pair[0]], [pair[1]]])
    for lang in ("es", "fr"):
        sentences = _sentences(folder / f"echr-{lang}-dev.tsv", 0, 1)
        cut = len(sentences) * (100 - HELD_OUT_PERCENT) // 100
        for joiner in (_join, _tight):
            texts = []
            for _, words, tags in sentences:
                text, offsets = joiner(words)
                texts.append(Text(text, _spans(tags, offsets, _ECHR), f"echr-{lang}", lang))
            train.append(texts[:cut])
            if joiner is _join:
                held.append(texts[cut:])
    trained = {s.text for document in train for s in document}
    unseen = [[s for s in document if s.text not in trained] for document in held]  # tweets and formulas recur
    return train, [document for document in unseen if document]


def written(files: list[str] = ["*.txt"], but: list[str] = []) -> list[list[Text]]:
    """What was written for training, a passage a document: those of `written/` that one of `files` names and none of `but` does."""
    named = lambda text, spans: [(a, b, venues.label(text[a:b], label)) for a, b, label in spans]  # noqa: E731
    return [[Text(text, named(text, spans), "written", language)] for text, spans, language in marked.load("written", files, but)]


class Mentions:
    """The mentions of some documents, to put in the place of others."""

    def __init__(self, documents: list[list[Text]]):
        self.known: dict[tuple, list[str]] = defaultdict(list)
        for s in (s for document in documents for s in document):
            for a, b, label in s.spans:
                if label != FREE:
                    self.known[self._kind(s.text[a:b], label, s.lang)].append(s.text[a:b])

    @staticmethod
    def _kind(mention: str, label: str, lang: str) -> tuple:
        start = "a" if mention[0].isalpha() else "0" if mention[0].isdigit() else mention[0]
        return label, lang, min(3, len(mention.split())), mention.islower(), mention.isupper() and len(mention) > 3, start

    def like(self, rng: random.Random, mention: str, label: str, lang: str) -> str:
        """One of the same label and language and about the same shape, or the mention itself."""
        others = self.known.get(self._kind(mention, label, lang))
        return rng.choice(others) if others else mention


def _like(values: Values, mention: str, label: str) -> str:
    """A generated mention of the same kind, of about the same shape."""
    rng, words = values.rng, mention.split()
    if label == "PERSON":
        new = rng.choice(people.FIGURES) if rng.random() < 0.1 else (rng.choice([values.first, values.last]) if len(words) == 1 else values.person)()
    elif label == "LOCATION":
        venue = venues.label(mention, "ORGANIZATION") == "LOCATION"
        new = values.hotel() if venue else rng.choice([values.city, values.city, values.country, values.region, lambda: rng.choice(people.PLACES), lambda: rng.choice(places.ALL), values.landmark])()
    elif label == "ORGANIZATION":
        kinds = organisations.KINDS_OF.get(mention)
        new = rng.choice(organisations.KINDS[rng.choice(kinds)]) if kinds and rng.random() < 0.6 else rng.choice([values.org, values.org, values.shop, values.company, values.agency, values.univ, values.media])()
    elif label == "DATE":
        new = values.year() if mention.isdigit() else rng.choice([values.date, values.monthyear])() if any(c.isdigit() for c in mention) else mention
    elif label == "USERNAME":
        new = values.handle() if mention[0] == "@" else values.user_bare()
    elif label in _GENERATED and rng.random() < 0.7:
        new = getattr(values, _GENERATED[label])()
    else:
        return mention
    return new.lower() if mention.islower() else new.upper() if mention.isupper() and len(mention) > 4 else new


_GENERATED = {"ID_NUMBER": "id", "EMAIL": "email", "URL": "url", "PHONE": "phone", "IBAN": "iban", "CREDIT_CARD": "card", "IP_ADDRESS": "ip", "ACCOUNT_NUMBER": "acct", "SECRET": "secret", "NATIONALITY": "nat"}
"""What is of no use to swap by hand has a slot."""


def swapped(values: Values, text: str, spans: list[Span], share: float, mentions: Mentions | None = None) -> tuple[str, list[Span]]:
    """The text with a share of its mentions in another form of the same kind, the same for the same."""
    rng, new = values.rng, {}
    out, moved, last = "", [], 0
    for a, b, label in spans:
        out += text[last:a]
        mention = text[a:b]
        if (mention, label) not in new:
            new[mention, label] = mention
            if rng.random() < share and "[" not in mention:
                other = mentions.like(rng, mention, label, values.lang) if mentions and rng.random() < 0.5 else mention
                new[mention, label] = other if other != mention else _like(values, mention, label)
        mention = new[mention, label]
        moved.append((len(out), len(out) + len(mention), label))
        out += mention
        last = b
    return out + text[last:], moved


def excerpt(rng: random.Random, text: str, spans: list[Span]) -> tuple[str, list[Span]]:
    """Some consecutive sentences of a text, so that what is known must do without its surroundings."""
    cuts = [m.end() for m in _SENTENCE_END.finditer(text) if all(m.end() <= a or b <= m.end() for a, b, _ in spans)]
    first, last = sorted(rng.sample(range(len(cuts) + 2), 2))
    start, end = [0, *cuts, len(text)][first], [0, *cuts, len(text)][last]
    return text[start:end].rstrip(), [(a - start, b - start, label) for a, b, label in spans if start <= a and b <= end]


def varied(rng: random.Random, document: list[Text], mentions: Mentions | None = None) -> tuple[str, list[Span]]:
    """Some consecutive sentences of a document as one text; in three of five texts most mentions are swapped."""
    start = rng.randrange(len(document))
    chosen = document[start : start + rng.choice([1, 1, 2, 3, 5])]
    values = Values(rng, chosen[0].lang)
    separator = rng.choice([" ", " ", "\n"])
    share = rng.choice([0.0, 0.0, 0.5, 0.8, 1.0])
    text, spans = "", []
    for sentence in chosen:
        if sentence.source == "written" and rng.random() < 0.4:
            part, moved = excerpt(rng, sentence.text, sentence.spans)
            sentence = Text(part, moved, sentence.source, sentence.lang)
        text += separator if text else ""
        part, moved = swapped(values, sentence.text, sentence.spans, share, mentions)
        spans += [(a + len(text), b + len(text), label) for a, b, label in moved]
        text += part
    return text, spans
