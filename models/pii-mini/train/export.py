"""Writes a checkpoint's averaged weights as GGUF: block matrices and embedding Q4_0, classifier Q8_0, the rest f32."""

import argparse
import json
from pathlib import Path

import gguf
import numpy as np
import torch
from gguf.quants import quantize

import released
from labels import TAGS, bias_vector
from model import Embedding
from reference import merges

ARCHITECTURE = "sotto-encoder"
TOKENS = "sotto.tokenizer.tokens"
"""A token a line, in the order of their merges, which need no list then: `tokenizer.ggml.tokens`, `.merges` and `.token_type` take 0.6 MB more."""


def tensors(saved: dict) -> dict[str, torch.Tensor]:
    """Tensors under the names that GGUF uses for Llama-like models; the features of tokens are added to their rows."""
    state = {name.replace("cls_output", "cls.output"): t for name, t in saved["average"].items()}
    table = {name: state.pop(f"token_embd.{name}") for name in ("weight", "features", "feature_ids", "feature_weights")}
    embedding = Embedding(*table["weight"].shape, table["feature_ids"], table["feature_weights"], len(table["features"]))
    embedding.load_state_dict(table)
    return {"token_embd.weight": embedding.table()} | state


def export(checkpoint: Path, out: Path, tokenizer: Path, bias: list[str], start: Path | None = None, share: float = 0.6) -> None:
    """`bias` moves the operating point (see `bias_vector`): O below zero favours recall. With `start`, the file that training went on
    from, the weights are a mean with its own, which have this `share` (see `released.between`)."""
    saved = torch.load(checkpoint, weights_only=True)
    config, state = saved["config"], tensors(saved)
    if start:
        state = released.between(state, start, share)
    writer = gguf.GGUFWriter(out, ARCHITECTURE)
    writer.add_name("pii-mini")
    writer.add_description("Finds what identifies a person; one BIOES tag a token")
    writer.add_license("MIT OR Apache-2.0")
    writer.add_file_type(gguf.LlamaFileType.MOSTLY_Q4_0)
    writer.add_context_length(config["context"])
    writer.add_embedding_length(config["dim"])
    writer.add_block_count(config["layers"])
    writer.add_feed_forward_length(config["hidden"])
    writer.add_head_count(config["heads"])
    writer.add_head_count_kv(config["heads"])
    writer.add_layer_norm_rms_eps(config["eps"])
    writer.add_causal_attention(False)
    writer.add_sliding_window(config["window"])
    writer.add_rope_freq_base(config["rope_base"])
    writer.add_rope_dimension_count(config["dim"] // config["heads"])
    writer.add_vocab_size(config["vocab"])
    writer.add_array(f"{ARCHITECTURE}.classifier.output_labels", TAGS)

    bpe = json.loads(tokenizer.read_text("utf-8"))
    tokens = [t for t, _ in sorted(bpe["model"]["vocab"].items(), key=lambda item: item[1])]
    assert [t["id"] for t in bpe["added_tokens"]] == [0] and not any("\n" in t for t in tokens)
    assert merges(tokens[1:]) == [tuple(m.split(" ") if isinstance(m, str) else m) for m in bpe["model"]["merges"]]
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("qwen2")
    writer.add_string(TOKENS, "\n".join(tokens))
    writer.add_eos_token_id(0)
    writer.add_pad_token_id(0)
    writer.add_add_bos_token(False)
    writer.add_add_eos_token(False)

    for name, tensor in state.items():
        values = tensor.float().numpy()
        if name == "cls.output.bias":
            values = values + np.array(bias_vector(bias), np.float32)
        if values.ndim == 1:
            writer.add_tensor(name, values)
            continue
        kind = gguf.GGMLQuantizationType.Q8_0 if name.startswith("cls.") else gguf.GGMLQuantizationType.Q4_0
        writer.add_tensor(name, quantize(values, kind), raw_dtype=kind)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


if __name__ == "__main__":
    here = Path(__file__).resolve().parent
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--checkpoint", type=Path, required=True)
    parser.add_argument("--out", type=Path, default=here.parent / "pii-mini.gguf")
    parser.add_argument("--tokenizer", type=Path, default=here / "tokenizer.json")
    parser.add_argument("--bias", nargs="*", default=[], metavar="LABEL=X")
    parser.add_argument("--start", type=Path, help="the file that training went on from")
    parser.add_argument("--share", type=float, default=0.6, help="its share in the weights")
    args = parser.parse_args()
    export(args.checkpoint, args.out, args.tokenizer, args.bias, args.start, args.share)
