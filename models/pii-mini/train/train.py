"""Trains pii-mini: `python train.py --data ../../../tests/fixtures/pii --checkpoint pii-mini.pt --minutes 4`.

Runs on a GPU or a CPU. Processes beside it generate rows (corpus.py) for as long as it trains, into a folder from which the
loop takes what is there; rows that were made before can be put there too. Each batch mixes generated, real and rule-labelled
rows in shares that move towards real text. The schedule follows time, not steps: the learning rate warms up, stays, then falls
to zero; the last part trains through 4-bit rounding. What is kept is an exponential average of the weights.
"""

import argparse
import copy
import json
import os
import signal
import time
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F

import corpus
import features
import tokenizer as bpe
from labels import IGNORE
from model import Config, Embedding, Encoder, Linear
from muon import Muon

O_WEIGHT = 0.6
"""Weight of the tag O in the loss: a missed entity costs more than a false one."""
LABEL_SMOOTHING = 0.02
MUON_RATE, ADAM_RATE, FEATURE_RATE = 0.01, 0.003, 0.0015
EMA = 0.998
DECAY_FROM, QUANTIZE_FROM, WARMUP = 0.35, 0.85, 0.02
WIKI = 0.06
HIDDEN, HIDDEN_NAME = 0.04, 0.15
"""Share of tokens hidden from the model outside and inside of mentions, so that their neighbours must tell."""
POLL, SAVE = 2.0, 25.0
"""Seconds between looks for new rows and between checkpoints."""


def rate(progress: float) -> float:
    """Learning-rate factor at `progress` in [0, 1] of the time budget."""
    if progress < WARMUP:
        return progress / WARMUP + 1e-3
    return min(1.0, max(0.0, (1 - progress) / (1 - DECAY_FROM)))


def shares(progress: float, real: float) -> dict[str, float]:
    """Share of rows by kind: real text from a fifth of `real` at first to nine fifths of it at the end."""
    now = real * (0.2 + 1.6 * progress)
    return {"real": now, "wiki": WIKI, "synthetic": 1 - now - WIKI}


class Rows:
    """Rows on the training device, by kind; `poll` takes in the files that arrived in `folder`."""

    def __init__(self, folder: Path, device: torch.device, capacity: int, real: float):
        self.folder, self.seen, self.real = folder, set(), real
        self.pools = {kind: [torch.empty(capacity, 3, corpus.ROW, dtype=torch.int16, device=device), 0] for kind in shares(0, 0)}

    def poll(self) -> None:
        for path in sorted(self.folder.glob("*.npy")):
            if path.name in self.seen:
                continue
            self.seen.add(path.name)
            pool = self.pools[path.name.split("-")[0]]
            rows = torch.from_numpy(np.load(path))[: len(pool[0]) - pool[1]]
            pool[0][pool[1] : pool[1] + len(rows)] = rows.to(pool[0].device)
            pool[1] += len(rows)

    def batch(self, count: int, progress: float) -> torch.Tensor:
        """[count, 3, ROW]: token ids, tags, document numbers."""
        parts, ready = [], {kind: s for kind, s in shares(progress, self.real).items() if self.pools[kind][1]}
        for kind, share in ready.items():
            rows, filled = self.pools[kind]
            take = round(count * share / sum(ready.values())) if kind != list(ready)[-1] else count - sum(map(len, parts))
            parts.append(rows[torch.randint(filled, (max(0, take),), device=rows.device)])
        return torch.cat(parts).int()


def optimizers_of(model: Encoder) -> list[torch.optim.Optimizer]:
    """Muon for matrices; AdamW for the rest, slower for what many tokens share."""
    matrices = [m.weight for m in model.modules() if isinstance(m, Linear)]
    shared = [m.features for m in model.modules() if isinstance(m, Embedding)]
    known = {id(p) for p in matrices + shared}
    rest = [p for p in model.parameters() if id(p) not in known]
    return [
        Muon(matrices, lr=MUON_RATE, weight_decay=0.02),
        torch.optim.AdamW([{"params": rest, "lr": ADAM_RATE}, {"params": shared, "lr": FEATURE_RATE}], betas=(0.9, 0.98), weight_decay=0.01, fused=True),
    ]


def main(args: argparse.Namespace) -> None:
    began = time.time()
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    args.rows.mkdir(parents=True, exist_ok=True)
    writers = corpus.start_writers(args.data, args.rows, args.writers, args.seed, args.all)
    torch.manual_seed(args.seed)
    model = Encoder(Config(**json.loads(args.config)), features.table(bpe.load(Path(__file__).parent / "tokenizer.json"), args.data / "wiki.test.raw")).to(device)
    average = copy.deepcopy(model).eval()
    optimizers = optimizers_of(model)
    bases = [[g["lr"] for g in o.param_groups] for o in optimizers]
    weight = torch.ones(model.config.tags, device=device)
    weight[0] = O_WEIGHT
    rows = Rows(args.rows, device, args.capacity, args.real)
    while rows.poll() or not all(n for _, n in rows.pools.values()):
        time.sleep(0.2)
    state = {"step": 0, "tokens": 0, "seconds": 0.0}
    print(f"{time.time() - began:.1f} s until the first step", flush=True)

    def save() -> None:
        temporary = args.checkpoint.with_suffix(".new")
        torch.save({"average": {k: v.cpu() for k, v in average.state_dict().items()}, "state": state | {"seed": args.seed, "device": torch.cuda.get_device_name() if device.type == "cuda" else "cpu"}, "config": model.config.as_dict()}, temporary)
        temporary.replace(args.checkpoint)

    start = last_poll = last_save = last_log = time.time()
    budget = args.until - start if args.until else args.minutes * 60
    losses: list[torch.Tensor] = []
    stopping: list[bool] = []
    signal.signal(signal.SIGTERM, lambda *_: stopping.append(True))
    model.train()
    while (seconds := time.time() - start) < budget and not stopping:
        progress = seconds / budget
        for optimizer, base in zip(optimizers, bases):
            for group, lr in zip(optimizer.param_groups, base):
                group["lr"] = lr * rate(progress)
        model.set_quantized(progress >= QUANTIZE_FROM)
        ids, tags, documents = rows.batch(args.batch, progress).unbind(1)
        hidden = torch.rand(ids.shape, device=device) < torch.where(tags > 0, HIDDEN_NAME, HIDDEN)
        with torch.autocast(device.type, torch.bfloat16):
            logits = model(ids, documents, hidden)
        loss = F.cross_entropy(logits.float().flatten(0, 1), tags.long().flatten(), weight, ignore_index=IGNORE, label_smoothing=LABEL_SMOOTHING)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        for optimizer in optimizers:
            optimizer.step()
            optimizer.zero_grad(set_to_none=True)
        state["step"] += 1
        state["tokens"] += ids.numel()
        state["seconds"] = round(time.time() - start, 1)
        with torch.no_grad():
            decay = min(EMA, (1 + state["step"]) / (10 + state["step"]))
            torch._foreach_lerp_(list(average.parameters()), list(model.parameters()), 1 - decay)
        losses.append(loss.detach())
        now = time.time()
        if now - last_log > args.log:
            print(json.dumps(state | {"loss": round(torch.stack(losses).mean().item(), 4), "rows": {k: n for k, (_, n) in rows.pools.items()}, "progress": round(progress, 3)}), flush=True)
            losses, last_log = [], now
        if now - last_poll > POLL:
            rows.poll()
            last_poll = now
        if now - last_save > SAVE:
            save()
            last_save = now
    save()
    print(json.dumps(state), flush=True)
    for process in writers:
        process.terminate()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--checkpoint", type=Path, required=True)
    parser.add_argument("--minutes", type=float, default=4.0, help="of training, after what comes before it")
    parser.add_argument("--until", type=float, help="in place of --minutes: the time to stop at, in seconds since 1970")
    parser.add_argument("--rows", type=Path, default=Path("rows"), help="folder of rows: kind-*.npy")
    parser.add_argument("--writers", type=int, default=max(1, (os.cpu_count() or 2) - 2), help="processes that generate rows meanwhile")
    parser.add_argument("--batch", type=int, default=256, help="rows a step")
    parser.add_argument("--capacity", type=int, default=400_000, help="most rows of a kind")
    parser.add_argument("--config", default="{}", help="JSON: shapes other than the default")
    parser.add_argument("--real", type=float, default=0.12, help="share of real rows, mean over the run")
    parser.add_argument("--all", action="store_true", help="train on the held-out parts too")
    parser.add_argument("--log", type=float, default=5.0)
    parser.add_argument("--seed", type=int, default=5)
    main(parser.parse_args())
