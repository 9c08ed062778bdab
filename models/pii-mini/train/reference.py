"""Runs the exported GGUF in numpy, written apart from model.py, and writes logits that an engine can be checked against.

Output: cases.json (text, token ids, tags of the best path, spans) and logits.f32, the cases' logits one after
another, [tokens, tags] little-endian f32. Weights are those of the file, dequantised by the `gguf` package.
"""

import argparse
import json
from pathlib import Path

import gguf
import numpy as np
from gguf.quants import dequantize
from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers

import decode

QWEN2_SPLIT = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
TEXTS = [
    "Call Ana Ruiz on +34 600 123 456 or write to ana.ruiz@example.org.",
    "The patient, Günther Škvorecký (DOB 12/03/1984), lives at 14 rue de la Paix, 75002 Paris.",
    "hey mike u coming to seattle w/ jenny?? lol",
    '{"name": "Priya Raman", "iban": "DE89 3704 0044 0532 0130 00", "token": "sk-9fA31bQz77LmX0", "qty": 3}',
    "Mr. Market may march on, version 1.4.2 costs $20 and 😀 e\u0301 is not a name.\r\n\r\n\tNone of it.",
    "El Sr. Bünyamin İnan, nacional turco, presentó la demanda no 39428/98 el 18 de agosto de 1997 en Ankara. " * 4,
]


def merges(tokens: list[str]) -> list[tuple[str, str]]:
    """The merges by which a vocabulary grew: each token is of the two parts that the merges before it leave of its characters."""
    out: dict[tuple[str, str], int] = {}
    for token in tokens:
        parts = list(token)
        while len(parts) > 2:
            best = min(range(len(parts) - 1), key=lambda i: out.get((parts[i], parts[i + 1]), len(tokens)))
            if (parts[best], parts[best + 1]) not in out:
                break
            parts[best : best + 2] = [parts[best] + parts[best + 1]]
        if len(parts) == 2:
            out[parts[0], parts[1]] = len(out)
    return list(out)


class Reference:
    """The model of a GGUF file: tokenizer, weights in f32 and a plain forward pass."""

    def __init__(self, path: Path):
        reader = gguf.GGUFReader(path)
        self.fields = {k: f.contents() for k, f in reader.fields.items()}
        self.weights = {t.name: dequantize(t.data, t.tensor_type).astype(np.float32) for t in reader.tensors}
        key = lambda k: self.fields[f"sotto-encoder.{k}"]  # noqa: E731
        self.layers, self.heads, self.window = key("block_count"), key("attention.head_count"), key("attention.sliding_window")
        self.eps, self.base, self.context = key("attention.layer_norm_rms_epsilon"), key("rope.freq_base"), key("context_length")
        self.labels = key("classifier.output_labels")
        tokens = self.fields["sotto.tokenizer.tokens"].split("\n")
        self.tokenizer = Tokenizer(models.BPE({t: i for i, t in enumerate(tokens)}, merges(tokens[1:])))
        self.tokenizer.pre_tokenizer = pre_tokenizers.Sequence([pre_tokenizers.Split(Regex(QWEN2_SPLIT), "isolated"), pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False, trim_offsets=False)])
        self.tokenizer.decoder = decoders.ByteLevel()

    def _norm(self, x: np.ndarray, weight: np.ndarray) -> np.ndarray:
        return x / np.sqrt((x * x).mean(-1, keepdims=True) + self.eps) * weight

    def logits(self, ids: list[int]) -> np.ndarray:
        """[tokens, tags] for token ids of at most the context length."""
        w, n, heads = self.weights, len(ids), self.heads
        x = w["token_embd.weight"][ids]
        head = x.shape[1] // heads
        position = np.arange(n, dtype=np.float32)
        angle = position[:, None] * (self.base ** (-np.arange(0, head, 2) / head)).astype(np.float32)
        cos, sin = np.cos(angle)[:, None], np.sin(angle)[:, None]
        outside = np.abs(position[:, None] - position[None]) > self.window

        def turned(v: np.ndarray) -> np.ndarray:
            a, b = v[..., : head // 2], v[..., head // 2 :]
            return np.concatenate([a * cos - b * sin, b * cos + a * sin], -1)

        for i in range(self.layers):
            p = f"blk.{i}."
            h = self._norm(x, w[p + "attn_norm.weight"])
            q, k, v = ((h @ w[p + f"attn_{name}.weight"].T).reshape(n, heads, head) for name in "qkv")
            scores = np.einsum("qhd,khd->hqk", turned(q), turned(k)) / np.sqrt(np.float32(head))
            scores[:, outside] = -np.inf
            scores = np.exp(scores - scores.max(-1, keepdims=True))
            scores /= scores.sum(-1, keepdims=True)
            x = x + np.einsum("hqk,khd->qhd", scores, v).reshape(n, -1) @ w[p + "attn_output.weight"].T
            h = self._norm(x, w[p + "ffn_norm.weight"])
            gate, up = h @ w[p + "ffn_gate.weight"].T, h @ w[p + "ffn_up.weight"].T
            x = x + (gate / (1 + np.exp(-gate)) * up) @ w[p + "ffn_down.weight"].T
        return self._norm(x, w["output_norm.weight"]) @ w["cls.output.weight"].T + w["cls.output.bias"]

    def windows(self, text: str) -> tuple[np.ndarray, list[tuple[int, int]]]:
        """Logits and character offsets of a text of any length: windows of the context, overlapping by twice the band."""
        encoding = self.tokenizer.encode(text)
        ids, size, overlap = encoding.ids, self.context, 4 * self.window
        out = np.zeros((len(ids), len(self.labels)), np.float32)
        for start in range(0, max(1, len(ids)), size - overlap):
            part = self.logits(ids[start : start + size]) if ids else out
            keep = 0 if start == 0 else overlap // 2
            out[start + keep : start + size] = part[keep:]
            if start + size >= len(ids):
                break
        return out, encoding.offsets


def main(args: argparse.Namespace) -> None:
    model = Reference(args.model)
    cases, blobs = [], []
    for text in TEXTS:
        encoding = model.tokenizer.encode(text)
        logits = model.logits(encoding.ids).astype("<f4")
        tags = decode.viterbi(logits)
        cases.append({"text": text, "ids": encoding.ids, "tags": [model.labels[t] for t in tags], "spans": [{"start": a, "end": b, "label": label} for a, b, label in decode.spans(tags, encoding.offsets, text)]})
        blobs.append(logits)
    args.out.mkdir(parents=True, exist_ok=True)
    (args.out / "cases.json").write_text(json.dumps(cases, ensure_ascii=False, indent=1) + "\n", "utf-8")
    (args.out / "logits.f32").write_bytes(b"".join(b.tobytes() for b in blobs))


if __name__ == "__main__":
    here = Path(__file__).resolve().parent.parent
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", type=Path, default=here / "pii-mini.gguf")
    parser.add_argument("--out", type=Path, default=here / "reference")
    main(parser.parse_args())
