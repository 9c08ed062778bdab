"""Synthetic documents with exact spans: prose from templates, and forms, JSON, CSV, logs, code, mail, chats, lists."""

import json
import random
import re
from functools import lru_cache
from pathlib import Path

import grammar
import venues
from lexicon import KEYS, LANGUAGES, NEUTRAL_FIELDS
from values import SLOTS, Values

Span = tuple[int, int, str]
_SLOT = re.compile(r"\{(\w+)\}")
GRAMMAR, WEB, RECORDS = 0.28, 0.33, 0.15
"""Shares of English lines that are put together from parts, that look like the web's, and that are records and requests."""
FIELDS = {  # label -> slots that make its field values
    "PERSON": ["person", "person", "person_rev", "first", "last"], "EMAIL": ["email"], "PHONE": ["phone"], "ADDRESS": ["address"], "LOCATION": ["city", "country"],
    "DATE": ["date"], "ORGANIZATION": ["org"], "ID_NUMBER": ["id", "id", "ssn"], "IBAN": ["iban"], "CREDIT_CARD": ["card"], "ACCOUNT_NUMBER": ["acct"],
    "USERNAME": ["user"], "SECRET": ["secret"], "URL": ["url"], "IP_ADDRESS": ["ip"], "AGE": ["age"], "TITLE": ["job"], "NATIONALITY": ["nat"],
}

FIELD_ODDS = [4 if label in ("PERSON", "LOCATION", "ADDRESS", "ORGANIZATION", "DATE", "TITLE") else 1 for label in FIELDS]
"""Fields of no fixed shape come more often: the recognisers find the others."""


class Document:
    """Text built left to right, with the spans of what identifies."""

    def __init__(self) -> None:
        self.text = ""
        self.spans: list[Span] = []

    def add(self, text: str, label: str | None = None) -> "Document":
        if label and text:
            self.spans.append((len(self.text), len(self.text) + len(text), venues.label(text, label)))
        self.text += text
        return self

    def template(self, line: str, values: Values) -> "Document":
        last = 0
        for slot in _SLOT.finditer(line):
            self.add(line[last : slot.start()])
            self.add(getattr(values, slot[1])(), SLOTS[slot[1]])
            last = slot.end()
        return self.add(line[last:])


@lru_cache(maxsize=None)
def templates(language: str) -> tuple[list[str], list[str]]:
    """(lines with labelled slots, negatives) of a language."""
    path = Path(__file__).parent / "templates" / f"{language}.txt"
    lines = [line.replace("\\n", "\n") for line in path.read_text("utf-8").splitlines() if line and not line.startswith("#")]
    labelled = [x for x in lines if any(SLOTS[s] for s in _SLOT.findall(x))]
    return labelled, [x for x in lines if x not in labelled]


def _line(values: Values, negative: float) -> str:
    r = values.rng.random() if values.lang == "en" else 1.0
    if r < GRAMMAR:
        return grammar.line(values.rng)
    labelled, plain = templates("web" if r < GRAMMAR + WEB else "records" if r < GRAMMAR + WEB + RECORDS else values.lang)
    return values.rng.choice(plain if values.rng.random() < negative else labelled)


def prose(values: Values) -> Document:
    """One to six sentences: a post, a note, a letter."""
    rng, doc = values.rng, Document()
    separator = rng.choice([" ", " ", "\n", "\n\n", " "])
    negative = rng.choice([0.2, 0.4, 0.7])
    for i in range(rng.choice([1, 1, 1, 2, 2, 3, 4, 6])):
        if i:
            doc.add(separator)
        doc.template(_line(values, negative), values)
    return doc


def _field(values: Values, doc_language: str) -> tuple[str, str, str | None]:
    """(key, value, label); label None for a field that identifies nobody."""
    rng = values.rng
    if rng.random() < 0.25:
        value = rng.choice([values.num, values.money, values.version, values.product, values.word, lambda: rng.choice(["true", "false", "null", "ok", "pending", "N/A"])])()
        return rng.choice(NEUTRAL_FIELDS[doc_language]), value, None
    label = rng.choices(list(FIELDS), FIELD_ODDS)[0]
    return rng.choice(KEYS[label][doc_language if rng.random() < 0.7 else "en"]), getattr(values, rng.choice(FIELDS[label]))(), label


def form(values: Values) -> Document:
    """Key and value, one a line."""
    rng, doc = values.rng, Document()
    sep, style = rng.choice([": ", ":\t", " = ", ": ", " | ", ":\n", "："]), rng.choice([str, str.capitalize, str.upper, str.title])
    for i in range(rng.randint(1, 8)):
        key, value, label = _field(values, values.lang)
        doc.add("\n" if i else "").add(style(key.replace("_", " ")) + sep).add(value, label)
    return doc


def json_object(values: Values) -> Document:
    rng, doc = values.rng, Document()
    newline = rng.choice(["\n  ", " ", ""])
    doc.add("{" + newline)
    for i in range(rng.randint(2, 8)):
        key, value, label = _field(values, values.lang)
        doc.add("," + newline if i else "").add(json.dumps(key, ensure_ascii=False) + ":" + rng.choice([" ", ""]))
        bare = label is None and value.isdigit()
        escaped = json.dumps(value, ensure_ascii=False)[1:-1]
        doc.add("" if bare else '"').add(escaped, label).add("" if bare else '"')
    return doc.add(newline.rstrip(" ") + "}")


def csv_table(values: Values) -> Document:
    rng, doc = values.rng, Document()
    sep = rng.choice([",", ";", "\t", ",", "|"])
    columns = rng.sample(list(FIELDS), rng.randint(2, 5))
    if rng.random() < 0.8:
        doc.add(sep.join(rng.choice(KEYS[c][values.lang]) for c in columns) + "\n")
    for _ in range(rng.randint(1, 5)):
        for i, label in enumerate(columns):
            value = getattr(values, rng.choice(FIELDS[label]))().replace("\n", " ")
            quote = '"' if sep in value else ""
            doc.add(sep if i else "").add(quote).add(value, label).add(quote)
        doc.add("\n")
    return doc


def log(values: Values) -> Document:
    rng, doc = values.rng, Document()
    for _ in range(rng.randint(1, 4)):
        stamp = rng.choice([f"{values._day().isoformat()}", values._day().strftime("%d/%b/%Y")])
        doc.add(rng.choice(["", "["])).add(stamp, "DATE").add(rng.choice(["T", " ", ":"]) + f"{rng.randint(0, 23):02}:{rng.randint(0, 59):02}:{rng.randint(0, 59):02}Z ")
        doc.add(rng.choice(["INFO ", "WARN ", "ERROR ", "DEBUG ", ""]) + rng.choice(["", f"[{values.word()}-{values.num()}] ", f"com.app.{values.word()}.Main: "]))
        doc.template(rng.choice([
            "user={user_bare} ip={ip} action=login status={num}", "Failed password for {user_bare} from {ip} port {num} ssh2", "Sent mail to {email} in {num} ms",
            "GET {url} 200 {num}", "Created account for {person} <{email}>", "connection timeout after {num}ms, retry {num}", "token={secret} expires in {num}s",
            "order {product} paid with {card}", "cache miss for key {word}:{num}", "Started worker {num} with version {version}", "SMS sent to {phone}", "customer_id={id} email={email}",
            "request from {ip} took {num}ms", "NullPointerException at line {num}", "payout of {money} to {iban}",
        ]), values).add("\n")
    return doc


def code(values: Values) -> Document:
    rng, doc = values.rng, Document()
    lines = [
        'password = "{secret}"', 'db.connect("{ip}", user="{user_bare}", password="{secret}")', "# Author: {person} <{email}>", "// TODO({first_l}): fix in {version}",
        "import numpy as np", "from datetime import date", "for i in range({num}):", "    return x[{num}] + {num}", "public class Main extends Base implements Runnable {", "}", "if (status == {num}) break;",
        'assert parse("{num}.{num}") == {num}', "Copyright (c) {year} {person}", 'API_KEY = "{secret}"', 'print("Hello, World!")', "git commit -m 'Update to {version}'", "curl -H 'Authorization: Bearer {secret}' {url}",
        "let Total = Price * Quantity;", "SELECT * FROM Orders WHERE id = {num};", "INSERT INTO users VALUES ({num}, '{person}', '{email}', '{phone}');", "UPDATE users SET address = '{address}' WHERE id = {num};",
        "pip install torch=={version}", "const MAX_SIZE = {num}; // bytes", "def get_name(self) -> str:", "fn main() { println!(\"{}\", x); }", "<a href=\"mailto:{email}\">{person}</a>", "<p>{person}, {job}</p>", "<title>Home Page</title>",
        "@Override", "@param name the Name of the Field", "Signed-off-by: {person} <{email}>", "docker run -p {num}:{num} redis:{version}", "System.out.println(Result);", "assertEquals(\"{person}\", user.getName());",
    ]
    for _ in range(rng.randint(1, 6)):
        line = rng.choice(lines)
        doc.template(line, values) if _SLOT.search(line) else doc.add(line)
        doc.add("\n")
    return doc


def mail(values: Values) -> Document:
    rng, doc = values.rng, Document()
    if rng.random() < 0.7:
        doc.template(rng.choice(["From: {person} <{email}>\nTo: {person} <{email}>\n", "From: {email}\nTo: {email}\nCc: {email}\n", "From: {person}\nSent: {weekday}, {date} {time}\nTo: {person}; {person_rev}\n", "From: \"{person_rev}\" <{email}>\nDate: {date}\n"]), values)
        doc.add("Subject: ").template(_line(values, 0.7), values).add("\n\n")
    labelled, _ = templates(values.lang)
    greetings = [x for x in labelled if x.endswith((",", ":")) and len(x) < 40] or ["{first},"]
    doc.template(rng.choice(greetings), values).add("\n\n")
    body = prose(values)
    offset = len(doc.text)
    doc.spans += [(a + offset, b + offset, label) for a, b, label in body.spans]
    doc.text += body.text
    closings = [x for x in labelled if "\n{" in x] or ["{first}"]
    return doc.add("\n\n").template(rng.choice(closings), values)


def chat(values: Values) -> Document:
    rng, doc = values.rng, Document()
    label, names = rng.choice([("PERSON", [values.first(), values.first()]), ("PERSON", [values.person(), values.person()]), ("USERNAME", [values.user_bare(), values.user_bare()]), (None, ["Agent", "Customer"]), (None, ["Q", "A"]), (None, ["User", "Assistant"])])
    style = rng.choice(["{}: ", "<{}> ", "[{}] ", "{} - ", "{} (10:24): "])
    before, after = style.split("{}")
    for i in range(rng.randint(2, 6)):
        doc.add(before).add(names[i % 2], label).add(after).template(_line(values, 0.5), values).add("\n")
    return doc


def listing(values: Values) -> Document:
    """A list of one kind of value, bare or bulleted: rosters, contacts, itineraries."""
    rng, doc = values.rng, Document()
    slot = rng.choice(["person", "person", "person", "first", "city", "org", "country", "person_rev", "email", "phone", "date", "address", "product", "num", "money", "url"])
    bullet, sep = rng.choice([("- ", "\n"), ("", ", "), ("* ", "\n"), ("", "\n"), ("", " and "), ("#. ", "\n"), ("", " / "), ("", "; ")])
    for i in range(rng.randint(1, 6)):
        doc.add(sep if i else "").add(bullet.replace("#", str(i + 1))).add(getattr(values, slot)(), SLOTS[slot])
        if rng.random() < 0.15:
            doc.template(rng.choice([" ({job})", " - {org}", " ({age})", " {phone}", " {score}", " ({city})"]), values)
    return doc


KINDS = [(prose, 54), (form, 9), (json_object, 4), (csv_table, 4), (log, 3), (code, 4), (mail, 9), (chat, 7), (listing, 6)]


def synthetic(rng: random.Random) -> Document:
    """One random document."""
    kind = rng.choices([k for k, _ in KINDS], [w for _, w in KINDS])[0]
    return kind(Values(rng))


assert all(templates(language)[1] for language in LANGUAGES)
