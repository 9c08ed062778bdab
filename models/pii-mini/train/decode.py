"""Logits to spans: the best BIOES path, then character spans.

A span loses the white space at its edges, and an edge inside a word (letters or marks on both sides) moves out to the word's edge.
"""

import unicodedata

import numpy as np

from labels import TAGS, allowed

_FORBIDDEN = np.array([[0.0 if allowed(a, b) else -np.inf for b in range(len(TAGS))] for a in range(len(TAGS))], np.float32)
_START = np.array([0.0 if b == 0 or (b - 1) % 4 in (0, 3) else -np.inf for b in range(len(TAGS))], np.float32)
_END = np.array([0.0 if a == 0 or (a - 1) % 4 >= 2 else -np.inf for a in range(len(TAGS))], np.float32)


def viterbi(logits: np.ndarray) -> list[int]:
    """Tags of the best path through logits [tokens, tags]."""
    if not len(logits):
        return []
    scores = logits - np.logaddexp.reduce(logits, axis=1, keepdims=True)
    best, back = scores[0] + _START, []
    for row in scores[1:]:
        step = best[:, None] + _FORBIDDEN
        back.append(step.argmax(0))
        best = step.max(0) + row
    tag = int((best + _END).argmax())
    path = [tag]
    for pointers in reversed(back):
        tag = int(pointers[tag])
        path.append(tag)
    return path[::-1]


def _letter(c: str) -> bool:
    return unicodedata.category(c)[0] in "LM"


def spans(tags: list[int], offsets: list[tuple[int, int]], text: str) -> list[tuple[int, int, str]]:
    """Character spans of a legal BIOES path."""
    out, start = [], 0
    for i, tag in enumerate(tags):
        name = TAGS[tag]
        if name[0] in "BS":
            start = offsets[i][0]
        if name[0] in "ES":
            a, b = start, offsets[i][1]
            while a < b and text[a].isspace():
                a += 1
            while b > a and text[b - 1].isspace():
                b -= 1
            while 0 < a < b and _letter(text[a]) and _letter(text[a - 1]):
                a -= 1
            while a < b < len(text) and _letter(text[b]) and _letter(text[b - 1]):
                b += 1
            if a < b and (not out or out[-1][1] <= a):
                out.append((a, b, name[2:]))
    return out
