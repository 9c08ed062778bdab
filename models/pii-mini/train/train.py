"""Trains pii-mini on rows made by corpus.py. Resumable: run the same command again; other rows make another phase.

The schedule follows training time, not steps: a budget in minutes is what a shared CPU can promise. The learning rate
warms up over 2 % of it, stays, then falls to zero over the last half; the last eighth trains through 4-bit rounding.
What is kept is an exponential average of the weights.
"""

import argparse
import copy
import json
import signal
import time
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F

from labels import IGNORE
from model import Config, Encoder, Linear

BATCH_ROWS = 8
O_WEIGHT = 0.6
"""Weight of the tag O in the loss: a missed entity costs more than a false one."""
LABEL_SMOOTHING = 0.02
MUON_RATE, ADAM_RATE = 0.01, 0.003
EMA = 0.995
LONGEST_STEP = 20.0
"""Seconds a step may count for, so that a paused process does not use up its schedule."""
DECAY_FROM, QUANTIZE_FROM, WARMUP = 0.5, 0.88, 0.02


def rate(progress: float) -> float:
    """Learning-rate factor at `progress` in [0, 1] of the time budget."""
    if progress < WARMUP:
        return progress / WARMUP + 1e-3
    return min(1.0, max(0.0, (1 - progress) / (1 - DECAY_FROM)))


def main(args: argparse.Namespace) -> None:
    torch.manual_seed(args.seed)
    torch.set_num_threads(args.threads)
    model = Encoder(Config())
    matrices = [m.weight for m in model.modules() if isinstance(m, Linear)]
    known = {id(p) for p in matrices}
    optimizers = [
        torch.optim.Muon(matrices, lr=MUON_RATE, weight_decay=0.02, adjust_lr_fn="match_rms_adamw"),
        torch.optim.AdamW([p for p in model.parameters() if id(p) not in known], lr=ADAM_RATE, betas=(0.9, 0.98), weight_decay=0.01, fused=True),
    ]
    average = copy.deepcopy(model).eval()
    state = {"step": 0, "seconds": 0.0, "tokens": 0}
    if args.checkpoint.exists():
        saved = torch.load(args.checkpoint, weights_only=True)
        model.load_state_dict(saved["model"])
        average.load_state_dict(saved["average"])
        for optimizer, s in zip(optimizers, saved["optimizers"]):
            optimizer.load_state_dict(s)
        state = saved["state"]
    weight = torch.ones(model.config.tags)
    weight[0] = O_WEIGHT
    data = np.load(args.rows, mmap_mode="r")
    budget = args.minutes * 60

    def save() -> None:
        temporary = args.checkpoint.with_suffix(".new")
        torch.save({"model": model.state_dict(), "average": average.state_dict(), "optimizers": [o.state_dict() for o in optimizers], "state": state, "config": model.config.as_dict()}, temporary)
        temporary.replace(args.checkpoint)

    last_save, losses, stopping = time.time(), [], []
    signal.signal(signal.SIGTERM, lambda *_: stopping.append(True))
    model.train()
    while state["seconds"] < budget and not stopping:
        began = time.time()
        progress = state["seconds"] / budget
        for optimizer, base in zip(optimizers, (MUON_RATE, ADAM_RATE)):
            for group in optimizer.param_groups:
                group["lr"] = base * rate(progress)
        model.set_quantized(progress >= QUANTIZE_FROM)
        first = state["step"] * BATCH_ROWS % (len(data) - BATCH_ROWS + 1)
        batch = torch.from_numpy(np.array(data[first : first + BATCH_ROWS], dtype=np.int64))
        ids, tags, documents = batch.unbind(1)
        with torch.autocast("cpu", torch.bfloat16):
            logits = model(ids, documents)
        loss = F.cross_entropy(logits.float().flatten(0, 1), tags.flatten(), weight, ignore_index=IGNORE, label_smoothing=LABEL_SMOOTHING)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        for optimizer in optimizers:
            optimizer.step()
            optimizer.zero_grad(set_to_none=True)
        with torch.no_grad():
            decay = min(EMA, (1 + state["step"]) / (10 + state["step"]))
            torch._foreach_lerp_(list(average.parameters()), list(model.parameters()), 1 - decay)
        losses.append(loss.item())
        state["step"] += 1
        state["tokens"] += int((documents > 0).sum())
        state["seconds"] += min(time.time() - began, LONGEST_STEP)
        if state["step"] % 25 == 0:
            record = state | {"loss": round(sum(losses) / len(losses), 4), "tokens_per_s": round(BATCH_ROWS * ids.shape[1] / (time.time() - began)), "progress": round(progress, 3)}
            print(json.dumps(record), flush=True)
            losses = []
        if time.time() - last_save > 120:
            save()
            last_save = time.time()
    save()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=Path, required=True)
    parser.add_argument("--checkpoint", type=Path, required=True)
    parser.add_argument("--minutes", type=float, required=True)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--seed", type=int, default=5)
    main(parser.parse_args())
