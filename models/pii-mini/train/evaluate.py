"""Scores an exported model on held-out generated documents, on strangers.txt, auditor.txt and unseen.txt and on the held-out parts of the development sets.

Exact: same label, same characters. Overlap: a gold span counts as found when a span of its label shares a character
with it, a span as right likewise. ADDRESS answers for LOCATION in sets that have no addresses. In a real set only the
labels it annotates are scored. "leaked" is the share of gold spans that no span of any label touches.
"""

import argparse
import random
from collections import Counter
from pathlib import Path

import numpy as np

import decode
import marked
import real
from documents import synthetic
from labels import bias_vector
from noise import noisy
from reference import Reference

Span = tuple[int, int, str]
ANNOTATED = {
    "uner": {"PERSON", "LOCATION", "ORGANIZATION"}, "wnut": {"PERSON", "LOCATION", "ORGANIZATION"},
    "echr-es": {"PERSON", "LOCATION", "ORGANIZATION", "DATE", "ID_NUMBER", "NATIONALITY"},
}
ANNOTATED["echr-fr"] = ANNOTATED["echr-es"]
STRANGERS = {"PERSON", "LOCATION", "ADDRESS", "ORGANIZATION", "DATE", "PHONE", "EMAIL", "URL", "CREDIT_CARD", "IBAN", "ID_NUMBER", "IP_ADDRESS"}


def sets(data: Path, documents: int, seed: int) -> dict[str, list[tuple[str, list[Span], set[str] | None]]]:
    """Name of a set -> (text, gold spans, labels scored or None for all)."""
    rng = random.Random(seed)
    out: dict[str, list] = {"synthetic": []}
    for _ in range(documents):
        doc = synthetic(rng)
        out["synthetic"].append((*noisy(rng, doc.text, doc.spans), None))
    for name in ("strangers", "auditor", "unseen"):
        out[name] = [(text, spans, STRANGERS) for text, spans, _ in marked.load(f"{name}.txt")]
    _, held = real.load(data)
    for document in held:
        for s in document:
            out.setdefault(s.source, []).append((s.text, s.spans, ANNOTATED[s.source]))
    return out


def touches(a: Span, b: Span) -> bool:
    return a[0] < b[1] and b[0] < a[1]


class Counts:
    """Tallies of one label."""

    def __init__(self) -> None:
        self.gold = self.found = self.exact = self.predicted = self.right = self.exact_right = self.leaked = 0

    def row(self, name: str) -> str:
        def scores(hit_gold: int, hit_predicted: int) -> str:
            r, p = hit_gold / max(1, self.gold), hit_predicted / max(1, self.predicted)
            f = lambda b: (1 + b * b) * p * r / max(1e-9, b * b * p + r)  # noqa: E731
            return f"{p:.2f} | {r:.2f} | {f(1):.2f} | {f(2):.2f}"

        return f"| {name} | {self.gold} | {scores(self.exact, self.exact_right)} | {scores(self.found, self.right)} | {self.leaked / max(1, self.gold):.2f} |"


HEADER = "| label | gold | exact P | R | F1 | F2 | overlap P | R | F1 | F2 | leaked |\n|---|---|---|---|---|---|---|---|---|---|---|"


def score(cases: list[tuple[str, list[Span], set[str] | None]], predictions: list[list[Span]]) -> dict[str, Counts]:
    """Tallies by label, and under "all"."""
    counts: dict[str, Counts] = {"all": Counts()}
    for (_, gold, labels), predicted in zip(cases, predictions):
        free = [g for g in gold if g[2] == real.FREE]
        gold = [g for g in gold if labels is None or g[2] in labels]
        scored = []
        for p in predicted:
            label = "LOCATION" if labels is not None and p[2] == "ADDRESS" else p[2]
            if (labels is None or label in labels) and not any(touches(p, f) for f in free):
                scored.append((p[0], p[1], label))
        for g in gold:
            for c in (counts["all"], counts.setdefault(g[2], Counts())):
                c.gold += 1
                c.found += any(p[2] == g[2] and touches(p, g) for p in scored)
                c.exact += g in scored
                c.leaked += not any(touches(p, g) for p in predicted)
        for p in scored:
            for c in (counts["all"], counts.setdefault(p[2], Counts())):
                c.predicted += 1
                c.right += any(p[2] == g[2] and touches(p, g) for g in gold)
                c.exact_right += p in gold
    return counts


def main(args: argparse.Namespace) -> None:
    model = Reference(args.model)
    groups = sets(args.data, args.documents, args.seed)
    for name, cases in groups.items():
        scored = [(*model.windows(text), text) for text, _, _ in cases]
        for bias in args.bias or [""]:
            vector = np.array(bias_vector(bias.split()), np.float32)
            predictions = [decode.spans(decode.viterbi(logits + vector), offsets, text) for logits, offsets, text in scored]
            counts = score(cases, predictions)
            print(f"\n{name}, {len(cases)} texts" + (f", {bias}" if bias else "") + f"\n\n{HEADER}")
            for label in sorted(counts, key=lambda k: (k == "all", -counts[k].gold)):
                print(counts[label].row(label))
            if args.misses:
                misses, false = Counter(), Counter()
                for (text, gold, labels), predicted in zip(cases, predictions):
                    for a, b, label in gold:
                        if (labels is None or label in labels) and not any(p[2] == label and touches(p, (a, b, label)) for p in predicted):
                            misses[(label, text[a:b])] += 1
                    for a, b, label in predicted:
                        if (labels is None or label in labels) and not any(touches((a, b, label), g) for g in gold):
                            false[(label, text[a:b])] += 1
                print("\nmissed:", misses.most_common(args.misses), "\n\nfalse:", false.most_common(args.misses))


if __name__ == "__main__":
    here = Path(__file__).resolve().parent.parent
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--model", type=Path, default=here / "pii-mini.gguf")
    parser.add_argument("--documents", type=int, default=600)
    parser.add_argument("--seed", type=int, default=90_210)
    parser.add_argument("--bias", nargs="*", default=[], metavar="'LABEL=X ...'", help="score under each of these shifts of the operating point")
    parser.add_argument("--misses", type=int, default=0)
    main(parser.parse_args())
