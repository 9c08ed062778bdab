"""The model's byte-level BPE. At run time it splits text as Qwen 2's does (`tokenizer.ggml.pre = "qwen2"`).

It is trained with punctuation kept apart from letters, so no token ever joins the two and a span never ends inside one.
"""

import argparse
import random
from pathlib import Path

from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers, trainers

import gazetteer
import organisations
import people
import places
import real
from documents import synthetic
from lexicon import WORLD_CITIES
from noise import noisy
from pools import pools

VOCAB = 24_576
END = "<|endoftext|>"
RUN_TIME = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
TRAINING = r" ?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"


def _split(pattern: str) -> pre_tokenizers.PreTokenizer:
    return pre_tokenizers.Sequence([pre_tokenizers.Split(Regex(pattern), "isolated"), pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False, trim_offsets=False)])


def load(path: Path, dropout: float | None = None) -> Tokenizer:
    """The committed tokenizer, ready to encode; `dropout` drops merges at random (training only)."""
    tokenizer = Tokenizer.from_file(str(path))
    tokenizer.model.dropout = dropout
    return tokenizer


def train(data: Path, out: Path, seed: int = 1) -> None:
    """Trains on generated documents, the training part of the development sets and the unlabelled corpus."""
    rng = random.Random(seed)
    texts = []
    for _ in range(40_000):
        doc = synthetic(rng)
        texts.append(noisy(rng, doc.text, doc.spans)[0])
    documents, _ = real.load(data)
    texts += [s.text for doc in documents + real.written() for s in doc] * 4
    texts += (data / "wiki.test.raw").read_text("utf-8").splitlines()
    # names get tokens of their own where they can, the common ones in lower case too: then the embedding is the lexicon
    lists = pools()
    for language, kinds in lists.items():
        if language != "any":
            times = 40 if language == "en" else 16
            texts += [" " + " ".join(kinds[k]) for k in ("first", "last", "country") for _ in range(times)]
    for names, times in ((people.FIRST, 150), (people.LAST, 150), (people.PLACES, 120), (places.ALL, 30), (WORLD_CITIES, 80), (people.ORGS, 60), (organisations.ALL, 40), (places.LANDMARKS, 40), (people.FIGURES, 60),
                         (gazetteer.names("first"), 30), (gazetteer.names("last"), 30), (gazetteer.names("places"), 40), (random.Random(seed).choices(places.towns()[0], cum_weights=places.towns()[1], k=9000), 15), (gazetteer.names("nationalities"), 40)):
        texts += [" " + " ".join(names)] * times
        texts += [" " + " ".join(names).lower()] * (times // 2)
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = _split(TRAINING)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.train_from_iterator(texts, trainers.BpeTrainer(vocab_size=VOCAB, special_tokens=[END], initial_alphabet=pre_tokenizers.ByteLevel.alphabet(), min_frequency=3, show_progress=False))
    tokenizer.pre_tokenizer = _split(RUN_TIME)
    tokenizer.save(str(out), pretty=False)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "tokenizer.json")
    args = parser.parse_args()
    train(args.data, args.out)
