"""Trains pii-mini on rows made by corpus.py. Resumable: run the same command again; other rows make another phase.

The schedule follows training time, not steps: a budget in minutes is what a shared CPU can promise. The learning rate
warms up over 2 % of it, stays, then falls to zero over the last half; the last eighth trains through 4-bit rounding.
What is kept is an exponential average of the weights.

Workers share the weights and step without waiting for each other (Hogwild, arXiv 1106.5730): on a machine that others use
too, threads that meet at each matrix product wait for the slowest all the time.
"""

import argparse
import copy
import json
import multiprocessing
import signal
import time
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F

import features
import tokenizer as bpe
from labels import IGNORE
from model import Config, Embedding, Encoder, Linear

BATCH_ROWS = 24
O_WEIGHT = 0.6
"""Weight of the tag O in the loss: a missed entity costs more than a false one."""
LABEL_SMOOTHING = 0.02
MUON_RATE, ADAM_RATE, FEATURE_RATE = 0.01, 0.003, 0.0015
EMA = 0.995
LONGEST_STEP = 20.0
"""Seconds a step may count for, so that a paused process does not use up its schedule."""
DECAY_FROM, QUANTIZE_FROM, WARMUP = 0.5, 0.88, 0.02


def rate(progress: float) -> float:
    """Learning-rate factor at `progress` in [0, 1] of the time budget."""
    if progress < WARMUP:
        return progress / WARMUP + 1e-3
    return min(1.0, max(0.0, (1 - progress) / (1 - DECAY_FROM)))


def optimizers_of(model: Encoder) -> list[torch.optim.Optimizer]:
    """Muon for matrices; AdamW for the rest, slower for what many tokens share."""
    matrices = [m.weight for m in model.modules() if isinstance(m, Linear)]
    shared = [m.features for m in model.modules() if isinstance(m, Embedding)]
    known = {id(p) for p in matrices + shared}
    rest = [p for p in model.parameters() if id(p) not in known]
    return [
        torch.optim.Muon(matrices, lr=MUON_RATE, weight_decay=0.02, adjust_lr_fn="match_rms_adamw"),
        torch.optim.AdamW([{"params": rest, "lr": ADAM_RATE}, {"params": shared, "lr": FEATURE_RATE}], betas=(0.9, 0.98), weight_decay=0.01, fused=True),
    ]


def work(rank: int, args: argparse.Namespace, model: Encoder, saved: dict | None, seconds: torch.Tensor) -> None:
    """One worker's steps. The first keeps the time, the average and the checkpoint."""
    torch.manual_seed(args.seed + rank)
    optimizers = optimizers_of(model)
    bases = [[g["lr"] for g in o.param_groups] for o in optimizers]
    state = {"step": 0, "seconds": 0.0, "tokens": 0}
    average = copy.deepcopy(model).eval()
    if saved:
        average.load_state_dict(saved["average"])
        for optimizer, s in zip(optimizers, saved["optimizers"]):
            optimizer.load_state_dict(s)
        state = dict(saved["state"])
    weight = torch.ones(model.config.tags)
    weight[0] = O_WEIGHT
    data = np.load(args.rows, mmap_mode="r")
    budget = args.minutes * 60

    def save() -> None:
        temporary = args.checkpoint.with_suffix(".new")
        torch.save({"model": model.state_dict(), "average": average.state_dict(), "optimizers": [o.state_dict() for o in optimizers], "state": state | {"workers": args.workers}, "config": model.config.as_dict()}, temporary)
        temporary.replace(args.checkpoint)

    last_save, last_log, losses, stopping = time.time(), time.time(), [], []
    signal.signal(signal.SIGTERM, lambda *_: stopping.append(True))
    model.train()
    while seconds.item() < budget and not stopping:
        began = time.time()
        progress = seconds.item() / budget
        for optimizer, base in zip(optimizers, bases):
            for group, lr in zip(optimizer.param_groups, base):
                group["lr"] = lr * rate(progress)
        model.set_quantized(progress >= QUANTIZE_FROM)
        first = (state["step"] * args.workers + rank) * BATCH_ROWS % (len(data) - BATCH_ROWS + 1)
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
        state["step"] += 1
        state["tokens"] += int((documents > 0).sum())
        if rank:
            continue
        with torch.no_grad():
            decay = min(EMA, (1 + state["step"]) / (10 + state["step"]))
            torch._foreach_lerp_(list(average.parameters()), list(model.parameters()), 1 - decay)
        losses.append(loss.item())
        seconds += min(time.time() - began, LONGEST_STEP)
        state["seconds"] = seconds.item()
        if state["step"] % 25 == 0:
            rate_now = 25 * batch.shape[0] * batch.shape[2] / (time.time() - last_log)
            print(json.dumps(state | {"loss": round(sum(losses) / len(losses), 4), "tokens_per_s_and_worker": round(rate_now), "progress": round(progress, 3)}), flush=True)
            losses, last_log = [], time.time()
        if time.time() - last_save > 120:
            save()
            last_save = time.time()
    if not rank:
        save()


def main(args: argparse.Namespace) -> None:
    torch.set_num_threads(1)
    torch.manual_seed(args.seed)
    model = Encoder(Config(), features.table(bpe.load(Path(__file__).parent / "tokenizer.json"), args.data / "wiki.test.raw"))
    saved = torch.load(args.checkpoint, weights_only=True) if args.checkpoint.exists() else None
    if saved:
        model.load_state_dict(saved["model"])
    model.share_memory()
    seconds = torch.tensor(saved["state"]["seconds"] if saved else 0.0, dtype=torch.float64).share_memory_()
    context = multiprocessing.get_context("fork")
    others = [context.Process(target=work, args=(rank, args, model, saved, seconds)) for rank in range(1, args.workers)]
    for process in others:
        process.start()
    work(0, args, model, saved, seconds)
    for process in others:
        process.terminate()
        process.join()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--rows", type=Path, required=True)
    parser.add_argument("--checkpoint", type=Path, required=True)
    parser.add_argument("--minutes", type=float, required=True)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--seed", type=int, default=5)
    main(parser.parse_args())
