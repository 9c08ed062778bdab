"""What a token's spelling says before any training: case, letters, and the word lists that it stands in.

While training, a token's embedding is its own row plus the sum of its features' rows, so tokens share what they have in
common: " Smith" with "smith" and "SMITH", a rare surname with a common one. `export.py` adds them up once: the file
holds one plain table, and an engine knows nothing of this.
"""

import re
import unicodedata
import zlib
from collections import Counter
from pathlib import Path

import numpy as np
from tokenizers import Tokenizer

import gazetteer
import organisations
import people
import places
import things
from lexicon import FAMOUS_ORGS, LANGUAGES, MONTHS, NATIONALITIES, REGIONS, WEEKDAYS, WORLD_CITIES
from pools import pools

NGRAMS = 6144
"""Buckets of letter sequences."""
WIDTH = 36
"""Most features a token can have."""
_CASES = ["lower", "Title", "UPPER", "mixed", "letter", "digit", "space", "other", "bytes"]


def _words(phrases) -> set[str]:
    return {w.strip(".,'\"()").lower() for phrase in phrases for w in phrase.split() if len(w) > 1}


def lists() -> dict[str, set[str]]:
    """Name of a list -> its words in lower case."""
    p = pools()
    home = [p[language] for language in LANGUAGES]
    shops = [*things.SHOP_LAST, *things.TEAMS, *things.OFFICES]
    return {
        "given, English": _words(people.FIRST) | _words(p["en"]["first"]), "given, common": _words(people.FIRST), "given, home": {w for h in home for w in _words(h["first"])},
        "given": _words(p["any"]["first"]), "surname, common": _words(people.LAST), "surname, English": _words(p["en"]["last"]),
        "surname, home": {w for h in home for w in _words(h["last"])}, "surname": _words(p["any"]["last"]), "figure": _words(people.FIGURES),
        "place": _words(places.ALL), "place, common": _words(people.PLACES) | _words(WORLD_CITIES) | _words(REGIONS), "city, home": {w for h in home for w in _words(h["city"])}, "city": _words(p["any"]["city"]),
        "country": _words(p["any"]["country"]), "organisation": _words(people.ORGS) | _words(FAMOUS_ORGS), "business": _words(shops) | _words(things.SHOP_FIRST),
        **{f"organisation, {kind}": _words(names) for kind, names in organisations.KINDS.items()},
        **{f"alone, {kind}": {n.lower() for n in names if " " not in n} for kind, names in [*organisations.KINDS.items(), ("place", gazetteer.names("places")), ("town", places.towns()[0]), ("figure", people.FIGURES)]},
        "given, world": _words(gazetteer.names("first")), "surname, world": _words(gazetteer.names("last")), "place, world": _words(gazetteer.names("places")),
        "town": _words(places.towns()[0]), "people, world": _words(gazetteer.names("nationalities")), "landmark": _words(places.LANDMARKS) | _words(places.AIRPORTS),
        "work": _words(things.WORKS), "common in titles": set(things.CAPS_WORDS), "job": {w for h in home for w in _words(h["job"])},
        "nationality": {w for n in NATIONALITIES.values() for w in _words(n)}, "calendar": {w for n in (*MONTHS.values(), *WEEKDAYS.values()) for w in _words(n)},
        "street": {w for h in home for w in _words(h["street"])}, "company": {w for h in home for w in _words(h["company"])},
    }


def _case(word: str) -> str:
    if not word:
        return "space"
    if "\ufffd" in word:
        return "bytes"
    if not word[0].isalpha():
        return "digit" if word[0].isdigit() else "other"
    if len(word) == 1:
        return "letter" if word.isupper() else "lower"
    return "lower" if word.islower() else "UPPER" if word.isupper() else "Title" if word[0].isupper() and word[1:].islower() else "mixed"


def table(tokenizer: Tokenizer, corpus: Path) -> tuple[np.ndarray, np.ndarray, int]:
    """(feature ids [vocab, WIDTH], their weights, number of features); unused places have weight 0.

    `corpus` is running text: words that it has in lower case are words of the language.
    """
    counts = Counter(re.findall(r"(?<![^\s])[a-z]{2,}", corpus.read_text("utf-8")))
    named = lists()
    vocab = tokenizer.get_vocab_size()
    number: dict[str, int] = {}
    ids, weights = np.zeros((vocab, WIDTH), np.int64), np.zeros((vocab, WIDTH), np.float32)
    for token in range(vocab):
        text = tokenizer.decode([token])
        spaced = text.startswith(" ")
        word = text.strip()
        low = word.lower()
        found = [("case " + _case(word) + str(spaced), 1.0), ("length " + str(min(len(word), 9)), 1.0)]
        if low and "\ufffd" not in low:
            found.append(("word " + low, 1.0))
        if low.isalpha():
            plain = "".join(c for c in unicodedata.normalize("NFKD", low) if not unicodedata.combining(c))
            if plain != low:
                found.append(("word " + plain, 0.7))
            if spaced and len(low) > 1:  # the start of a word and, often, all of it: where lists say something
                found += [("list " + name, 1.0) for name, words in named.items() if low in words]
                found.append((f"common {min(6, counts[low].bit_length())}", 1.0))
            marked = ("^" if spaced else "") + plain + "$"
            grams = [f"{n} {marked[i:i + n]}" for n in (3, 4) for i in range(len(marked) - n + 1)] + [f"end {plain[-2:]}"]
            room = WIDTH - len(found)
            grams = grams[:room]
            found += [(f"gram {zlib.crc32(g.encode()) % NGRAMS}", len(grams) ** -0.5) for g in grams]
        for i, (name, weight) in enumerate(found[:WIDTH]):
            ids[token, i] = number.setdefault(name, len(number))
            weights[token, i] = weight
    return ids, weights, len(number)
