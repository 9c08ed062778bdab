"""Reads strangers.txt: texts written apart from the templates, for scoring alone."""

import re
from pathlib import Path

_MARK = re.compile(r"\[([A-Z_]+) ([^\]]+)\]")
Span = tuple[int, int, str]


def load() -> list[tuple[str, list[Span]]]:
    """(text, spans) a line."""
    out = []
    for line in (Path(__file__).parent / "strangers.txt").read_text("utf-8").splitlines():
        if not line or line.startswith("#"):
            continue
        line = line.replace("\\n", "\n")
        text, spans, last = "", [], 0
        for mark in _MARK.finditer(line):
            text += line[last : mark.start()]
            spans.append((len(text), len(text) + len(mark[2]), mark[1]))
            text += mark[2]
            last = mark.end()
        out.append((text + line[last:], spans))
    return out
