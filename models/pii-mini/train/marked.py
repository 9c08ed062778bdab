"""Reads texts with mentions marked as [LABEL value]: the folder written/, which is trained on; strangers.txt, auditor.txt and unseen.txt, which are for
scoring alone."""

import re
from pathlib import Path

_MARK = re.compile(r"\[([A-Z_]+) ([^\]]+)\]")
Span = tuple[int, int, str]


def load(name: str, files: list[str] = ["*.txt"], but: list[str] = []) -> list[tuple[str, list[Span], str]]:
    """(text, spans, language) a line of a file, or of those of a folder that a pattern in `files` names and none in `but` does;
    `# language: es` holds for the lines below it."""
    path = Path(__file__).parent / name
    if not path.is_dir():
        return _read(path)
    named, left = ({file for pattern in patterns for file in path.glob(pattern)} for patterns in (files, but))
    return [text for file in sorted(named - left) for text in _read(file)]


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
