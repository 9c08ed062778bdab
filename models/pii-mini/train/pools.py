"""Name, place, company and job pools read from Faker's locale providers (Latin script), one set a language."""

import importlib
import random
import unicodedata
from functools import lru_cache

from faker import Faker
from faker.config import AVAILABLE_LOCALES

import gazetteer
from lexicon import COUNTRY_FORMS, LANGUAGES, NICKNAMES, WORLD_CITIES

HOME = {
    "en": ["en_US", "en_GB", "en_IN", "en_AU", "en_CA", "en_IE", "en_NZ"], "es": ["es_ES", "es_MX", "es_CO", "es_AR", "es_CL"],
    "fr": ["fr_FR", "fr_CA", "fr_CH", "fr_BE"], "de": ["de_DE", "de_AT", "de_CH"], "it": ["it_IT"], "pt": ["pt_BR", "pt_PT"], "nl": ["nl_NL", "nl_BE"],
}


def _latin(word: str) -> bool:
    return all(not c.isalpha() or "LATIN" in unicodedata.name(c, "") for c in word)


def _attribute(kind: str, locale: str, *names: str) -> list[str]:
    """Strings of the first levels of a Faker provider's word lists, Latin script only."""
    try:
        provider = importlib.import_module(f"faker.providers.{kind}.{locale}").Provider
    except ModuleNotFoundError:
        return []
    words: list[str] = []
    for name in names:
        items = getattr(provider, name, ())
        for item in () if isinstance(items, property) else items:
            if isinstance(item, tuple):
                item = next((x for x in item if isinstance(x, str) and not x.isdigit()), "")
            if isinstance(item, str) and 1 < len(item) < 40 and _latin(item) and "{{" not in item:
                words.append(item.strip())
    return words


@lru_cache(maxsize=1)
def pools(seed: int = 7) -> dict[str, dict[str, list[str]]]:
    """language -> kind -> words; language "any" holds every Latin-script locale together."""
    Faker.seed(seed)
    out: dict[str, dict[str, list[str]]] = {}
    everything: dict[str, set[str]] = {"first": set(NICKNAMES), "last": set(), "city": set(WORLD_CITIES), "country": set()}
    for locale in sorted(AVAILABLE_LOCALES):
        everything["first"].update(_attribute("person", locale, "first_names", "first_names_male", "first_names_female"))
        everything["last"].update(_attribute("person", locale, "last_names", "last_names_male", "last_names_female"))
        everything["city"].update(_attribute("address", locale, "cities", "city_names", "states", "provinces", "regions", "districts", "departments", "villages"))
    everything["first"].update(gazetteer.names("first"))
    everything["last"].update(gazetteer.names("last"))
    everything["city"].update(gazetteer.names("places"))
    for language in LANGUAGES:
        sets: dict[str, set[str]] = {k: set() for k in ("first", "last", "city", "country", "company", "job", "street", "address")}
        for locale in HOME[language]:
            sets["first"].update(_attribute("person", locale, "first_names", "first_names_male", "first_names_female"))
            sets["last"].update(_attribute("person", locale, "last_names"))
            sets["city"].update(_attribute("address", locale, "cities", "city_names", "states", "provinces", "regions"))
            sets["country"].update(_attribute("address", locale, "countries"))
            fake = Faker(locale)
            for _ in range(500):
                sets["company"].add(fake.company())
                sets["job"].add(fake.job())
                sets["city"].add(fake.city())
                sets["street"].add(fake.street_name())
                sets["address"].add(fake.address())
        sets["country"].update(COUNTRY_FORMS[language] * 3)
        out[language] = {k: sorted(w for w in v if _latin(w)) for k, v in sets.items()}
        everything["country"].update(sets["country"])
    out["any"] = {k: sorted(w for w in v if _latin(w)) for k, v in everything.items()}
    return out


_SYLLABLES = "ba be bi bo bra ca che chi da de di do dra el fa fe ga go gra ha hi jo ka ke ko kri la le li lo lu ma me mi mo na ne ni no o pa pe ra re ri ro sa se sha si so sta ta te thi to tra u va ve vi wa wi xo ya ye za zo zu".split()
_ENDINGS = "n s r l m son ski sky ova ez es ini elli ic vic man berg stein dt rt ck x th ng nd a o i e ou wala yan".split()


def invented(rng: random.Random) -> str:
    """A name in no list, so that the model reads context and shape rather than memory."""
    word = "".join(rng.choice(_SYLLABLES) for _ in range(rng.choice([1, 2, 2, 3]))) + rng.choice(_ENDINGS)
    return word.capitalize()
