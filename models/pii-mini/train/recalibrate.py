"""Moves the operating point of an exported file in place: `python recalibrate.py --bias O=2`, added to the bias it has."""

import argparse
from pathlib import Path

import gguf
import numpy as np

from labels import bias_vector


def recalibrate(path: Path, bias: list[str]) -> None:
    """Adds `bias_vector(bias)` to the classifier's bias, the one tensor that is changed."""
    reader = gguf.GGUFReader(path, "r+")
    tensor = next(t for t in reader.tensors if t.name == "cls.output.bias")
    tensor.data[:] += np.array(bias_vector(bias), np.float32)
    reader.data.flush()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", type=Path, default=Path(__file__).resolve().parent.parent / "pii-mini.gguf")
    parser.add_argument("--bias", nargs="+", required=True, metavar="LABEL=X")
    args = parser.parse_args()
    recalibrate(args.model, args.bias)
