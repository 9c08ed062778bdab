"""Checks of the pipeline: `python -m unittest` in this folder. The Q4_0 check compares with the `gguf` package."""

import random
import re
import unittest
from pathlib import Path

import numpy as np

import decode
import marked
import real
import tokenizer as bpe
from corpus import encode
from documents import synthetic
from labels import LABELS, TAGS, allowed, bioes
from noise import noisy
from values import Values

HERE = Path(__file__).resolve().parent
FIXTURES = HERE.parents[2] / "tests" / "fixtures" / "pii"


class Generator(unittest.TestCase):
    def test_a_seed_gives_the_same_documents(self):
        a, b = ([synthetic(rng).text for _ in range(50)] for rng in (random.Random(4), random.Random(4)))
        self.assertEqual(a, b)

    def test_spans_are_ordered_inside_the_text_and_survive_noise(self):
        rng = random.Random(5)
        seen = set()
        for _ in range(2000):
            doc = synthetic(rng)
            for text, spans in ((doc.text, doc.spans), noisy(rng, doc.text, doc.spans, strength=4)):
                end = 0
                for a, b, label in spans:
                    self.assertTrue(end <= a < b <= len(text), (text, spans))
                    self.assertIn(label, LABELS)
                    seen.add(label)
                    end = b
        self.assertEqual(seen, set(LABELS))

    def test_lower_casing_keeps_each_value(self):
        rng = random.Random(6)
        for _ in range(500):
            doc = synthetic(rng)
            text, spans = noisy(rng, doc.text, doc.spans, strength=100)  # the first kind of noise, always
            if text == doc.text.lower():
                self.assertEqual([text[a:b] for a, b, _ in spans], [doc.text[a:b].lower() for a, b, _ in doc.spans])


class Marked(unittest.TestCase):
    def test_marks_become_spans(self):
        for name in ("written", "strangers.txt", "auditor.txt", "unseen.txt"):
            for text, spans, _ in marked.load(name):
                self.assertNotRegex(text, r"\[[A-Z_]{3,} ")
                self.assertTrue(all(label in LABELS and text[a:b].strip() == text[a:b] for a, b, label in spans), text)

    def test_no_passage_stands_twice(self):
        texts = [s.text for (s,) in real.written() if len(s.text.split()) > 12]
        self.assertEqual(len(texts), len(set(texts)), [t for t in texts if texts.count(t) > 1][:5])

    def test_no_ten_words_of_the_texts_for_scoring_are_trained_on(self):
        train, _ = real.load(FIXTURES)
        tens = lambda text: {tuple(w[i : i + 10]) for w in [re.findall(r"\w+", text.lower())] for i in range(len(w) - 9)}  # noqa: E731
        trained = {words for d in train + real.written() for s in d for words in tens(s.text)}
        for name in ("strangers.txt", "auditor.txt", "unseen.txt"):
            self.assertEqual([text for text, *_ in marked.load(name) if tens(text) & trained], [])

    def test_swapping_moves_the_spans_along(self):
        rng = random.Random(8)
        passages = real.written()
        mentions = real.Mentions(passages)
        for text, spans, language in ((d.text, d.spans, d.lang) for (d,) in passages):
            other, moved = real.swapped(Values(rng, language), text, spans, 1.0, mentions)
            self.assertEqual([label for *_, label in moved], [label for *_, label in spans])
            rest = lambda t, s: "".join(t[a:b] for a, b in zip([0, *(b for _, b, _ in s)], [*(a for a, *_ in s), len(t)]))  # noqa: E731
            self.assertEqual(rest(other, moved), rest(text, spans))


    def test_excerpts_keep_whole_mentions(self):
        rng = random.Random(9)
        for (passage,) in real.written():
            text, spans = real.excerpt(rng, passage.text, passage.spans)
            self.assertIn(text, passage.text)
            self.assertLessEqual({(text[a:b], label) for a, b, label in spans}, {(passage.text[a:b], label) for a, b, label in passage.spans})


class Tagging(unittest.TestCase):
    def test_bioes_paths_are_legal_and_decode_to_their_spans(self):
        spans = [(0, 1, "PERSON"), (1, 4, "DATE"), (5, 7, "EMAIL")]
        tags = bioes(8, spans)
        self.assertTrue(all(allowed(a, b) for a, b in zip(tags, tags[1:])))
        text = "a.b.c.d.e.f.g.h."
        offsets = [(2 * i, 2 * i + 1) for i in range(8)]
        self.assertEqual(decode.spans(tags, offsets, text), [(0, 1, "PERSON"), (2, 7, "DATE"), (10, 13, "EMAIL")])

    def test_viterbi_never_gives_an_illegal_path_and_finds_the_best(self):
        rng = np.random.default_rng(0)
        logits = rng.normal(size=(3, len(TAGS))).astype(np.float32)
        best, score = None, -np.inf
        starts = [t for t in range(len(TAGS)) if t == 0 or (t - 1) % 4 in (0, 3)]
        for a in starts:
            for b in range(len(TAGS)):
                for c in range(len(TAGS)):
                    if allowed(a, b) and allowed(b, c) and (c == 0 or (c - 1) % 4 >= 2):
                        s = logits[0, a] + logits[1, b] + logits[2, c]
                        if s > score:
                            best, score = [a, b, c], s
        self.assertEqual(decode.viterbi(logits.copy()), best)


class Tokens(unittest.TestCase):
    def test_no_token_joins_punctuation_or_digits_to_letters(self):
        tokenizer = bpe.load(HERE / "tokenizer.json")
        for token in (tokenizer.decode([i]) for i in range(bpe.VOCAB)):
            kinds = {"letter" if c.isalpha() else "digit" if c.isdigit() else "other" for c in token.lstrip(" ") if not c.isspace()}
            if "\ufffd" not in token and token != bpe.END:
                self.assertLessEqual(len(kinds), 1, token)

    def test_every_gold_span_of_the_development_sets_gets_tokens(self):
        tokenizer = bpe.load(HERE / "tokenizer.json")
        train, held = real.load(FIXTURES)
        self.assertGreater(len(held), 500)
        for document in held:
            for s in document:
                _, tags, offsets = encode(tokenizer, s.text, s.spans)
                starts = sum(t > 0 and TAGS[t][0] in "BS" for t in tags)
                self.assertEqual(starts, sum(label != real.FREE for *_, label in s.spans), s.text)

    def test_no_held_out_sentence_is_trained_on(self):
        train, held = real.load(FIXTURES)
        trained = {s.text for d in train for s in d}
        self.assertEqual([s.text for d in held for s in d if s.text in trained], [])


class Optimizer(unittest.TestCase):
    def test_matrices_that_step_together_go_where_torch_moves_each(self):
        import torch

        from muon import Muon

        generator = torch.Generator().manual_seed(2)
        draw = lambda *shape: torch.randn(*shape, generator=generator)  # noqa: E731
        ours = [torch.nn.Parameter(draw(64, 32)), torch.nn.Parameter(draw(64, 32)), torch.nn.Parameter(draw(32, 96))]
        theirs = [torch.nn.Parameter(p.detach().clone()) for p in ours]
        together = Muon(ours, lr=0.01, weight_decay=0.02)
        each = torch.optim.Muon(theirs, lr=0.01, weight_decay=0.02, adjust_lr_fn="match_rms_adamw")
        start = [p.detach().clone() for p in ours]
        for _ in range(4):
            for a, b in zip(ours, theirs):
                a.grad = draw(*a.shape)
                b.grad = a.grad.clone()
            together.step()
            each.step()
        for a, b, s in zip(ours, theirs, start):
            self.assertLess((a - b).norm(), 0.03 * (a - s).norm())  # bf16 inside


class Rounding(unittest.TestCase):
    def test_training_rounds_as_the_file_stores(self):
        import gguf
        import torch
        from gguf.quants import dequantize, quantize

        from model import _RoundQ4_0

        weights = torch.randn(64, 96, generator=torch.Generator().manual_seed(1))
        weights[0] = 0
        stored = dequantize(quantize(weights.numpy(), gguf.GGMLQuantizationType.Q4_0), gguf.GGMLQuantizationType.Q4_0)
        np.testing.assert_array_equal(_RoundQ4_0.apply(weights).numpy(), stored)


class Released(unittest.TestCase):
    def test_a_file_goes_on_as_the_model_that_it_holds(self):
        import torch

        import released
        from reference import Reference

        path = HERE.parent / "pii-mini.gguf"
        nothing = (np.zeros((bpe.VOCAB, 1), np.int64), np.zeros((bpe.VOCAB, 1), np.float32), 1)
        model, file = released.model(path, nothing).eval(), Reference(path)
        ids = file.tokenizer.encode("Ana Ruiz of Qorvin Ltd. wrote to the mayor of Leeds on 18 August 1997.").ids
        with torch.no_grad():
            logits = model(torch.tensor([ids]), torch.ones(1, len(ids), dtype=torch.int))[0][0]
        np.testing.assert_allclose(logits.numpy(), file.logits(ids), atol=2e-3)
        halves = released.between({name: torch.zeros_like(t) for name, t in released.weights(path).items()}, path, 0.5)
        np.testing.assert_array_equal(halves["output_norm.weight"].numpy(), file.weights["output_norm.weight"] / 2)

    def test_fresh_passages_are_no_others(self):
        count = lambda *files: len(real.written(*files))  # noqa: E731
        self.assertEqual(count(["next-*.txt"]) + count(["*.txt"], ["next-*.txt"]), count())
        self.assertGreater(count(["next-*.txt"]), 0)


if __name__ == "__main__":
    unittest.main()
