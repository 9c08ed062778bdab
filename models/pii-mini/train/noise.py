"""What happens to text on its way: case lost, typos, OCR confusions, missing punctuation, odd spaces. Spans follow."""

import random

Span = tuple[int, int, str]
_OCR = {"o": "0", "l": "1", "i": "l", "m": "rn", "e": "c", "S": "5", "B": "8", "g": "q", "O": "0", "I": "l", "a": "o", "h": "b"}
_KEYBOARD = {"a": "s", "s": "d", "e": "r", "r": "t", "t": "y", "o": "p", "i": "o", "n": "m", "l": "k", "c": "v", "d": "f"}


def _rewrite(text: str, spans: list[Span], change) -> tuple[str, list[Span]]:
    """Replaces each character by `change(i, c)` and moves the spans along."""
    out, starts = [], [0]
    for i, c in enumerate(text):
        out.append(change(i, c))
        starts.append(starts[-1] + len(out[-1]))
    moved = [(starts[a], starts[b], label) for a, b, label in spans]
    return "".join(out), [s for s in moved if s[1] > s[0]]


def _kept_case(text: str, spans: list[Span]) -> set[int]:
    """Characters of values whose case carries meaning: credentials and addresses on the network."""
    return {i for a, b, label in spans if label in ("SECRET", "URL", "EMAIL", "IBAN") for i in range(a, b)}


def noisy(rng: random.Random, text: str, spans: list[Span], strength: float = 1.0) -> tuple[str, list[Span]]:
    """Applies at most two kinds of noise; most texts stay clean."""
    r = rng.random() / strength
    if r < 0.09:
        kept = _kept_case(text, spans)
        text, spans = _rewrite(text, spans, lambda i, c: c if i in kept else c.lower())
    elif r < 0.14:
        kept = _kept_case(text, spans)
        text, spans = _rewrite(text, spans, lambda i, c: c if i in kept else c.upper())
    elif r < 0.16:
        text, spans = _rewrite(text, spans, lambda i, c: c.upper() if i == 0 or not text[i - 1].isalpha() else c)
    if rng.random() / strength < 0.05:  # as tokenisers leave it: "He said : no , thanks ."
        closes = lambda i: i + 1 == len(text) or text[i + 1].isspace()  # noqa: E731
        text, spans = _rewrite(text, spans, lambda i, c: " " + c if c in ".,;:!?)" and i and not text[i - 1].isspace() and closes(i) else c + " " if c == "(" else c)
        spans = [(a + (text[a] == " "), b, label) for a, b, label in spans]
    r = rng.random() / strength
    if r < 0.05:
        rate = rng.choice([0.01, 0.03])

        def typo(i: int, c: str) -> str:
            if not c.isalpha() or rng.random() > rate:
                return c
            return rng.choice(["", c + c, _KEYBOARD.get(c, c), c])

        text, spans = _rewrite(text, spans, typo)
    elif r < 0.08:
        text, spans = _rewrite(text, spans, lambda i, c: _OCR.get(c, c) if rng.random() < 0.04 else c)
    elif r < 0.12:
        text, spans = _rewrite(text, spans, lambda i, c: "" if c in ".,;:!?'" and (i + 1 == len(text) or text[i + 1].isspace()) and rng.random() < 0.8 else c)
    elif r < 0.14:
        text, spans = _rewrite(text, spans, lambda i, c: c + " " if c == " " and rng.random() < 0.1 else "\n" if c == " " and rng.random() < 0.05 else c)
    elif r < 0.155:
        text, spans = _rewrite(text, spans, lambda i, c: {"á": "a", "é": "e", "í": "i", "ó": "o", "ú": "u", "ñ": "n", "ü": "u", "ö": "o", "ä": "a", "ç": "c", "è": "e", "à": "a", "ã": "a", "ê": "e"}.get(c, c))
    return text, spans
