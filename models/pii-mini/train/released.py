"""A file that was exported before, to go on from: new passages need no training from nothing."""

from pathlib import Path

import torch

from model import Config, Encoder
from reference import Reference

_SHAPES = {"dim": "embedding_length", "hidden": "feed_forward_length", "layers": "block_count", "heads": "attention.head_count"}


def weights(path: Path) -> dict[str, torch.Tensor]:
    """The file's tensors by their GGUF names."""
    return {name: torch.from_numpy(values) for name, values in Reference(path).weights.items()}


def model(path: Path, features: tuple) -> Encoder:
    """The file's model; its embedding holds what its features were, so those of `features` (features.table) start at nothing."""
    file = Reference(path)
    encoder = Encoder(Config(**{name: file.fields[f"sotto-encoder.{key}"] for name, key in _SHAPES.items()}), features)
    state = encoder.state_dict()
    state["token_embd.features"] = torch.zeros_like(state["token_embd.features"])
    state |= {name.replace("cls.output", "cls_output"): torch.from_numpy(values) for name, values in file.weights.items()}
    encoder.load_state_dict(state)
    return encoder


def between(tensors: dict[str, torch.Tensor], path: Path, share: float) -> dict[str, torch.Tensor]:
    """The mean of a model's tensors and those of the file that it went on from, which have this share: it keeps more of what the file
    knew than its new training left, and most of what it learnt (https://arxiv.org/abs/2109.01903)."""
    return {name: share * tensor + (1 - share) * tensors[name] for name, tensor in weights(path).items()}
