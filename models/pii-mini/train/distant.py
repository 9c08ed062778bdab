"""Labels for unlabelled sentences where a rule can be sure, and no loss where it cannot.

Lower-case words are no names. A run of capitalised words is a person if it starts with a well-known given name and holds
no word of a company or place, a location if it is a well-known one, a date if a month stands by a number; else FREE.
"""

import re
from collections import Counter
from functools import lru_cache
from pathlib import Path

import people
import places
import things
from lexicon import COUNTRY_FORMS, MONTHS, REGIONS, WORLD_CITIES
from pools import pools

Span = tuple[int, int, str]
FREE = "FREE"
_WORD = re.compile(r"(?:[^\W\d_]\.)+|[^\W\d_]+(?:['’-][^\W\d_]+)*|\d[\d.,/:-]*|\S")
_JOIN = {"of", "de", "van", "von", "der", "and", "&", "the", "for", "'s"}
_NOT_PEOPLE = {w for phrase in [*things.SHOP_LAST, *things.OFFICES, *things.TEAMS] for w in phrase.split()} | set(
    "Street Road Avenue River Lake Mount Island Islands Park Bridge Castle Hall House Creek County Battle War Award Cup Prize Act Bay Beach City State States Fort Cape Bowl Day Station Airport Highway Route Team Series Trophy Division Regiment Corps Fleet Ship Class Palace Cathedral Abbey Stadium Field".split())
_TITLES = {"Mr", "Mrs", "Ms", "Dr", "Sir", "Lord", "Lady", "Captain", "General", "Major", "Colonel", "President", "King", "Queen", "Prince", "Princess", "Saint", "St", "Professor", "Senator", "Admiral", "Lieutenant", "Sergeant"}


@lru_cache(maxsize=1)
def _given() -> set[str]:
    return (set(people.FIRST) | set(pools()["en"]["first"])) - {"May", "April", "June", "August", "Jordan", "Virginia", "Georgia", "Florida", "Paris", "London", "Austin", "Dallas", "Israel", "India", "Chelsea", "Will", "Mark", "Art", "Bill", "Christian", "Major", "Royal", "Prince", "Van", "Ray", "Grant", "Price", "King", "Rose", "Grace", "Hope", "Faith", "Joy", "Dawn", "Summer", "Autumn", "Crystal", "Amber", "Ruby", "Pearl", "Lane", "Chase", "Dean", "Earl", "Guy", "Drew", "Gene", "Frank", "An", "Man", "In", "So", "The", "A", "He"}


@lru_cache(maxsize=1)
def _places() -> set[str]:
    return (set(people.PLACES) | set(places.COUNTRIES) | set(places.STATES) | set(WORLD_CITIES) | set(pools()["en"]["country"]) | {w for v in COUNTRY_FORMS.values() for w in v} | set(REGIONS)) - {"Nice", "Jordan", "Georgia", "Charlotte", "Austin", "Mars", "Earth", "US", "LA", "CA", "IL", "Phoenix", "Buffalo", "Columbus", "Jackson", "Washington", "Virginia", "Florida", "Lima"}


def sentences(path: Path) -> list[str]:
    """Sentences of WikiText, its tokenisation mostly undone."""
    out = []
    for line in path.read_text("utf-8").splitlines():
        line = line.strip()
        if not line or line.startswith("="):
            continue
        line = re.sub(r" @([-,.])@ ", r"\1", line)
        line = re.sub(r" ([,.;:!?)%])", r"\1", line).replace("( ", "(").replace(" 's", "'s").replace(" n't", "n't")
        out += [s for s in re.split(r"(?<=[a-z)][.!?]) +(?=[A-Z\"])", line) if "<unk>" not in s and 20 < len(s) < 400]
    return out


def labelled(path: Path) -> list[tuple[str, list[Span]]]:
    """(sentence, spans), spans of the labels PERSON, LOCATION, DATE and FREE."""
    texts = sentences(path)
    lower = Counter(w for text in texts for w in re.findall(r"(?<=\s)[a-z]+", text))
    months = {m: True for m in MONTHS["en"]}
    out = []
    for text in texts:
        words = [(m.start(), m.end(), m[0]) for m in _WORD.finditer(text)]
        spans: list[Span] = []
        i = 0
        while i < len(words):
            a, b, w = words[i]
            if w[0].isdigit() or w in months:  # a date, or something that only may be one
                j = i
                while j < len(words) and (words[j][2][0].isdigit() or words[j][2] in months or (words[j][2] == "," and j > i and j + 1 < len(words) and words[j + 1][2].rstrip(".,").isdigit())):
                    j += 1
                j = max(j, i + 1)
                run = [x[2] for x in words[i:j]]
                end = a + len(text[a:words[j - 1][1]].rstrip(",.;:"))
                if any(r in months for r in run) and any(r[0].isdigit() for r in run) and len(run) <= 4:
                    spans.append((a, end, "DATE"))
                elif any(r in months for r in run) or any(len(r.rstrip(".,")) == 4 for r in run):
                    spans.append((a, end, FREE))
                i = j
                continue
            if not w[0].isupper() or (i == 0 or words[i - 1][2] in '."“') and lower[w.lower()] > 1 or w == "I":
                i += 1
                continue
            j, last = i + 1, i
            while j < len(words) and (words[j][2][0].isupper() or words[j][2] in _JOIN and j + 1 < len(words) and words[j + 1][2][0].isupper() and words[j][2] != "and") and words[j][2] != "I":
                if words[j][2][0].isupper():
                    last = j
                j += 1
            run = [x[2] for x in words[i : last + 1]]
            end = words[last][1]
            phrase = text[a:end]
            if run[0].rstrip(".") in _TITLES and len(run) > 1:
                spans.append((a, end, FREE))
            elif phrase in _places():
                spans.append((a, end, "LOCATION"))
            elif 2 <= len(run) <= 3 and run[0] in _given() and not set(run) & (_NOT_PEOPLE | _JOIN) and not any(lower[r.lower()] > 3 for r in run[1:]):
                spans.append((a, a + len(phrase.removesuffix("'s")), "PERSON"))
            else:
                spans.append((a, end, FREE))
            i = last + 1
        out.append((text, spans))
    return out
