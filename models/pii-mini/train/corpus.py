"""Turns documents into rows of token ids, tags and document numbers, which the training loop reads as they are.

A row packs whole documents one after another; attention never crosses from one document to the next.
"""

import argparse
import random
import time
from pathlib import Path

import numpy as np
from tokenizers import Tokenizer

import distant
import real
import tokenizer as bpe
from documents import synthetic
from labels import IGNORE, bioes
from noise import noisy

ROW = 128
"""Tokens a row."""
SHARES = {"first": {"synthetic": 0.46, "real": 0.41, "wiki": 0.13}, "second": {"synthetic": 0.34, "real": 0.58, "wiki": 0.08}}
"""Share of tokens by kind in each phase of training; real web text is read many times, with its mentions swapped."""
WEIGHT = {"uner": 3.0, "wnut": 1.3, "echr-es": 1.0, "echr-fr": 1.0}
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
    """An endless stream of (text, spans)."""

    def __init__(self, data: Path, seed: int, phase: str):
        self.rng = random.Random(seed)
        self.real, _ = real.load(data)
        self.weights = [WEIGHT[d[0].source] * len(d) for d in self.real]
        cumulative, total = [], 0.0
        for w in self.weights:
            total += w
            cumulative.append(total)
        self.cumulative = cumulative
        self.wiki = distant.labelled(data / "wiki.test.raw")
        # mean characters a document, to turn token shares into document shares
        share = SHARES[phase]
        self.kinds, self.odds = list(share), [share["synthetic"] / 156, share["real"] / 190, share["wiki"] / 280]

    def draw(self) -> tuple[str, list[tuple[int, int, str]]]:
        rng = self.rng
        kind = rng.choices(self.kinds, self.odds)[0]
        if kind == "synthetic":
            doc = synthetic(rng)
            return noisy(rng, doc.text, doc.spans)
        if kind == "wiki":
            return noisy(rng, *rng.choice(self.wiki))
        document = rng.choices(self.real, cum_weights=self.cumulative)[0]
        return noisy(rng, *real.varied(rng, document), strength=0.7)


def rows(source: Source, tokenizers: list[Tokenizer], count: int):
    """`count` rows of (ids, tags, document numbers), each [ROW]; a document that fits nowhere open starts a new row."""
    open_rows: list[tuple[list[int], list[int], list[int]]] = []
    done = 0
    while done < count:
        text, spans = source.draw()
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


def build(data: Path, out: Path, count: int, seed: int, phase: str) -> None:
    """Writes `count` rows as int16 [count, 3, ROW] to `out`."""
    path = Path(__file__).parent / "tokenizer.json"
    tokenizers = [bpe.load(path), bpe.load(path), bpe.load(path, dropout=0.08)]
    array = np.lib.format.open_memmap(out, mode="w+", dtype=np.int16, shape=(count, 3, ROW))
    start = time.time()
    for i, row in enumerate(rows(Source(data, seed, phase), tokenizers, count)):
        array[i] = row
        if i % 5000 == 0:
            print(f"{i}/{count} rows, {time.time() - start:.0f} s", flush=True)
    array.flush()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--rows", type=int, default=28_000)
    parser.add_argument("--seed", type=int, default=11)
    parser.add_argument("--phase", choices=list(SHARES), default="first")
    args = parser.parse_args()
    build(args.data, args.out, args.rows, args.seed, args.phase)
