"""Names of the world by kind, a file each in names/, written by a language model: what text this small says of few names, and a model that
was trained on nothing else must be told."""

from functools import lru_cache
from pathlib import Path


@lru_cache(maxsize=None)
def names(kind: str) -> tuple[str, ...]:
    """The names of a kind: a line each of `names/KIND.txt` and `names/KIND-*.txt`."""
    folder = Path(__file__).parent / "names"
    files = [folder / f"{kind}.txt", *sorted(folder.glob(f"{kind}-*.txt"))]
    lines = [line.strip() for file in files if file.exists() for line in file.read_text("utf-8").splitlines()]
    return tuple(dict.fromkeys(line for line in lines if line and not line.startswith("# ")))
