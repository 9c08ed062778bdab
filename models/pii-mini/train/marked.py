"""Reads texts with mentions marked as [LABEL value]: written.txt, which is trained on, and strangers.txt, which is for scoring alone."""

import re
from pathlib import Path

_MARK = re.compile(r"\[([A-Z_]+) ([^\]]+)\]")
Span = tuple[int, int, str]


def load(name: str = "strangers.txt") -> list[tuple[str, list[Span], str]]:
    """(text, spans, language) a line; `# language: es` holds for the lines below it."""
    out, language = [], "en"
    for line in (Path(__file__).parent / name).read_text("utf-8").splitlines():
        if line.startswith("# language: "):
            language = line[-2:]
        if not line or line.startswith("#"):
            continue
        line = line.replace("\\n", "\n")
        text, spans, last = "", [], 0
        for mark in _MARK.finditer(line):
            text += line[last : mark.start()]
            spans.append((len(text), len(text) + len(mark[2]), mark[1]))
            text += mark[2]
            last = mark.end()
        out.append((text + line[last:], spans, language))
    return out
