"""Turns documents into rows of token ids, tags and document numbers, which the training loop reads as they are.

A row packs whole documents one after another; attention never crosses from one document to the next.
"""

import argparse
import itertools
import multiprocessing
import os
import random
from pathlib import Path

import numpy as np
from tokenizers import Tokenizer

import distant
import real
import tokenizer as bpe
from documents import synthetic
from labels import IGNORE, bioes
from noise import noisy
from pools import pools
from values import Values

ROW = 256
"""Tokens a row."""
CHUNK = 384
"""Rows a file; the first are smaller, so that training can begin."""
PATTERN = ["synthetic", "written", "real", "synthetic", "written", "wiki", "synthetic", "written", "real", "synthetic", "written", "synthetic"]
"""Kinds of rows in the order that a process writes them."""
FRESH_PATTERN = ["fresh", "written", "real", "synthetic", "fresh", "written", "real", "wiki", "fresh", "written", "synthetic"]
"""The same where some files of written/ are a kind of their own."""
WEIGHT = {"uner": 1.8, "wnut": 1.3, "echr-es": 1.0, "echr-fr": 1.0}
"""How often a real sentence of each source is drawn, relative to its number."""


def token_spans(offsets: list[tuple[int, int]], text: str, spans: list[tuple[int, int, str]]) -> list[tuple[int, int, str]]:
    """Character spans as token spans: the tokens that share a character other than white space with the span."""
    out, at = [], 0
    for a, b, label in sorted(spans):
        while a < b and text[a].isspace():
            a += 1
        while b > a and text[b - 1].isspace():
            b -= 1
        first = at
        while first < len(offsets) and offsets[first][1] <= a:
            first += 1
        end = first
        while end < len(offsets) and offsets[end][0] < b:
            end += 1
        if end > first:
            out.append((first, end, label))
            at = end
    return out


def encode(tokenizer: Tokenizer, text: str, spans: list[tuple[int, int, str]]) -> tuple[list[int], list[int], list[tuple[int, int]]]:
    """(ids, target tag ids, offsets in characters); FREE tokens get IGNORE."""
    encoding = tokenizer.encode(text)
    parts = token_spans(encoding.offsets, text, spans)
    tags = bioes(len(encoding.ids), [p for p in parts if p[2] != real.FREE])
    for first, end, label in parts:
        if label == real.FREE:
            tags[first:end] = [IGNORE] * (end - first)
    return encoding.ids, tags, encoding.offsets


class Source:
    """An endless stream of (text, spans) of one kind."""

    def __init__(self, data: Path, seed: int, everything: bool = False, fresh: list[str] = []):
        self.rng = random.Random(seed)
        train, held = real.load(data)
        self.real = train + held if everything else train
        self.cumulative = list(itertools.accumulate(WEIGHT[d[0].source] * len(d) for d in self.real))
        self.passages = {"written": real.written(["*.txt"], fresh), "fresh": real.written(fresh)}
        self.mentions = real.Mentions(sum(self.passages.values(), self.real))
        self.wiki = distant.labelled(data / "wiki.test.raw")

    def draw(self, kind: str) -> tuple[str, list[tuple[int, int, str]]]:
        rng = self.rng
        if kind == "synthetic":
            doc = synthetic(rng)
            return noisy(rng, doc.text, doc.spans)
        if kind == "wiki":
            return noisy(rng, *real.swapped(Values(rng, "en"), *rng.choice(self.wiki), rng.choice([0.0, 0.8])))
        document = rng.choice(self.passages[kind]) if kind in self.passages else rng.choices(self.real, cum_weights=self.cumulative)[0]
        return noisy(rng, *real.varied(rng, document, self.mentions), strength=0.7)


def rows(source: Source, kind: str, tokenizers: list[Tokenizer], count: int):
    """`count` rows of (ids, tags, document numbers), each [ROW]; a document that fits nowhere open starts a new row."""
    open_rows: list[tuple[list[int], list[int], list[int]]] = []
    done = 0
    while done < count:
        text, spans = source.draw(kind)
        ids, tags, _ = encode(source.rng.choice(tokenizers), text, spans)
        for start in range(0, len(ids), ROW):
            part, part_tags = ids[start : start + ROW], tags[start : start + ROW]
            row = next((r for r in open_rows if len(r[0]) + len(part) <= ROW), None)
            if row is None:
                row = ([], [], [])
                open_rows.append(row)
            row[2].extend([row[2][-1] + 1 if row[2] else 1] * len(part))
            row[0].extend(part)
            row[1].extend(part_tags)
            if len(row[0]) >= ROW - 8 or len(open_rows) > 16:
                full = max(open_rows, key=lambda r: len(r[0]))
                open_rows.remove(full)
                pad = ROW - len(full[0])
                yield full[0] + [0] * pad, full[1] + [IGNORE] * pad, full[2] + [0] * pad
                done += 1
                if done == count:
                    return


def write(data: Path, folder: Path, seed: int, everything: bool, fresh: list[str]) -> None:
    """Writes files of rows, int16 [rows, 3, ROW], into `folder` until it is stopped or its parent has ended."""
    parent = os.getppid()
    path = Path(__file__).parent / "tokenizer.json"
    tokenizers = [bpe.load(path), bpe.load(path), bpe.load(path, dropout=0.08)]
    source = Source(data, seed, everything, fresh)
    pattern = FRESH_PATTERN if fresh else PATTERN
    for i in itertools.takewhile(lambda _: os.getppid() == parent, itertools.count()):
        kind = pattern[(i + seed) % len(pattern)]
        chunk = np.array(list(rows(source, kind, tokenizers, min(CHUNK, 48 << i))), np.int16)
        temporary = folder / f"{seed}.part"
        with temporary.open("wb") as file:
            np.save(file, chunk)
        temporary.rename(folder / f"{kind}-{seed}-{i}.npy")


def start_writers(data: Path, folder: Path, count: int, seed: int, everything: bool, fresh: list[str] = []) -> list[multiprocessing.Process]:
    """`count` processes that `write`, each with a seed of its own."""
    pools()  # read once, before they fork
    os.environ["TOKENIZERS_PARALLELISM"] = "false"
    processes = [multiprocessing.get_context("fork").Process(target=write, args=(data, folder, seed * 1000 + i, everything, fresh), daemon=True) for i in range(count)]
    for process in processes:
        process.start()
    return processes


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Writes rows until it is stopped.")
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--rows", type=Path, required=True)
    parser.add_argument("--writers", type=int, default=max(1, (os.cpu_count() or 2) - 2))
    parser.add_argument("--all", action="store_true", help="of the held-out parts too")
    parser.add_argument("--fresh", nargs="*", default=[], help="as train.py's")
    parser.add_argument("--seed", type=int, default=5)
    args = parser.parse_args()
    args.rows.mkdir(parents=True, exist_ok=True)
    for process in start_writers(args.data, args.rows, args.writers, args.seed, args.all, args.fresh):
        process.join()
