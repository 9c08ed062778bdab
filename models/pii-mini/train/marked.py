"""Reads texts with mentions marked as [LABEL value]: the folder written/, which is trained on; strangers.txt and auditor.txt, which are for
scoring alone."""

import re
from pathlib import Path

_MARK = re.compile(r"\[([A-Z_]+) ([^\]]+)\]")
Span = tuple[int, int, str]


def load(name: str) -> list[tuple[str, list[Span], str]]:
    """(text, spans, language) a line of a file, or of all files of a folder; `# language: es` holds for the lines below it."""
    path = Path(__file__).parent / name
    return [text for file in (sorted(path.glob("*.txt")) if path.is_dir() else [path]) for text in _read(file)]


def _read(path: Path) -> list[tuple[str, list[Span], str]]:
    out, language = [], "en"
    for line in path.read_text("utf-8").splitlines():
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
