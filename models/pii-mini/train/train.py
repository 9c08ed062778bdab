"""Trains pii-mini: `python train.py --data ../../../tests/fixtures/pii --checkpoint pii-mini.pt --minutes 4`.

Runs on a GPU or a CPU. Processes beside it generate rows (corpus.py) for as long as it trains, into a folder from which the
loop takes what is there; rows that were made before can be put there too. Each batch mixes rows of several kinds in shares
that move towards written text. The schedule follows time, not steps: the learning rate stays, then falls to zero; the last
part trains through 4-bit rounding. What is kept is an exponential average of the weights.

Beside the tags the model learns to tell hidden tokens from their neighbours, which needs no annotation; and, with `--teachers`, what models
that were trained before it say of each token, on average: of a few small sets, several trained apart know more than any of them.
"""

import argparse
import collections
import copy
import json
import os
import signal
import sys
import time
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F

import corpus
import features
import model as architecture
import released
import tokenizer as bpe
from labels import IGNORE
from model import Config, Embedding, Encoder, Linear
from muon import Muon

O_WEIGHT = 0.6
"""Weight of the tag O in the loss: a missed entity costs more than a false one."""
LABEL_SMOOTHING = 0.02
MUON_RATE, ADAM_RATE, FEATURE_RATE = 0.01, 0.003, 0.0015
EMA = 0.998
DECAY_FROM, QUANTIZE_FROM = 0.35, 0.85
WARMUP = 40
"""Steps."""
SHARES = {"real": 0.14, "written": 0.34, "wiki": 0.04}
"""Mean shares of rows by kind; the rest is generated, and never less than LEAST."""
FRESH_SHARES = {"real": 0.2, "written": 0.25, "fresh": 0.35, "wiki": 0.03}
"""The same with `--fresh`, from the first step to the last: what is new first of all, and enough of the rest not to forget it."""
LEAST = 0.1
HIDDEN, HIDDEN_NAME = 0.04, 0.15
"""Share of tokens hidden from the model outside and inside of mentions, so that their neighbours must tell."""
GUESSED = 1 / 32
"""Share of tokens that are hidden and have to be told."""
POLL, SAVE = 2.0, 25.0
"""Seconds between looks for new rows and between checkpoints."""
AHEAD = 3
"""Steps that may wait on the GPU's queue, so that time means what it says."""


def rate(step: int, progress: float) -> float:
    """Learning-rate factor at `progress` in [0, 1] of the time budget."""
    return min(1.0, (step + 1) / WARMUP, max(0.0, (1 - progress) / (1 - DECAY_FROM)))


def shares(progress: float, mean: dict[str, float]) -> dict[str, float]:
    """Share of rows by kind: what people wrote from a fifth of its mean at first to nine fifths of it at the end."""
    now = {kind: share * (1.0 if kind == "wiki" else 0.2 + 1.6 * progress) for kind, share in mean.items()}
    room = min(1.0, (1 - LEAST) / sum(now.values()))
    now = {kind: share * room for kind, share in now.items()}
    return now | {"synthetic": 1 - sum(now.values())}


class Rows:
    """The newest rows on the training device, by kind; `poll` takes in the files that arrived in `folder`."""

    def __init__(self, folder: Path, device: torch.device, capacity: int, mean: dict[str, float]):
        self.folder, self.seen, self.mean, self.capacity = folder, set(), mean, capacity
        self.pools = {kind: torch.empty(capacity, 3, corpus.ROW, dtype=torch.int16, device=device) for kind in shares(0, mean)}
        self.made = dict.fromkeys(self.pools, 0)

    def poll(self) -> None:
        for path in sorted(self.folder.glob("*.npy")):
            kind = path.name.split("-")[0]
            if path.name in self.seen or kind not in self.pools:
                continue
            self.seen.add(path.name)
            rows = torch.from_numpy(np.load(path))
            start = self.made[kind] % self.capacity
            rows = rows[: self.capacity - start].to(self.pools[kind].device)
            self.pools[kind][start : start + len(rows)] = rows
            self.made[kind] += len(rows)

    def batch(self, count: int, progress: float) -> torch.Tensor:
        """[count, 3, ROW]: token ids, tags, document numbers."""
        parts, ready = [], {kind: s for kind, s in shares(progress, self.mean).items() if self.made[kind]}
        for kind, share in ready.items():
            take = int(count * share / sum(ready.values())) if kind != list(ready)[-1] else count - sum(map(len, parts))
            filled = min(self.made[kind], self.capacity)
            parts.append(self.pools[kind][torch.randint(filled, (take,), device=self.pools[kind].device)])
        return torch.cat(parts).int()


def optimizers_of(model: Encoder, device: torch.device) -> list[torch.optim.Optimizer]:
    """Muon for matrices; AdamW for the rest, slower for what many tokens share."""
    matrices = [m.weight for m in model.modules() if isinstance(m, Linear)]
    shared = [m.features for m in model.modules() if isinstance(m, Embedding)]
    known = {id(p) for p in matrices + shared}
    rest = [p for p in model.parameters() if id(p) not in known]
    gpu = device.type == "cuda"
    lr = (lambda x: torch.tensor(x, device=device)) if gpu else (lambda x: x)  # a recorded step reads it where it lies
    return [
        Muon(matrices, lr=lr(MUON_RATE), weight_decay=0.02),
        torch.optim.AdamW([{"params": rest, "lr": lr(ADAM_RATE)}, {"params": shared, "lr": lr(FEATURE_RATE)}], betas=(0.9, 0.98), weight_decay=0.01, fused=True, capturable=gpu),
    ]


def tag_loss(logits: torch.Tensor, tags: torch.Tensor, weight: torch.Tensor) -> torch.Tensor:
    """As F.cross_entropy with `weight`, IGNORE and LABEL_SMOOTHING, which waits for the GPU and so cannot be recorded."""
    gold = tags != IGNORE
    log = F.log_softmax(logits, -1)
    share = weight[tags.clamp_min(0)] * gold
    missed = log.gather(1, tags.clamp_min(0)[:, None]).squeeze(1) * share
    spread = (log * weight).sum(1) * gold
    return -((1 - LABEL_SMOOTHING) * missed.sum() + LABEL_SMOOTHING / len(weight) * spread.sum()) / share.sum()


def teachers_of(paths: list[Path], device: torch.device) -> list[Encoder]:
    """Models of earlier checkpoints, as they are."""
    out = []
    for path in paths:
        saved = torch.load(path, weights_only=True)
        kept = saved["average"]
        teacher = Encoder(Config(**saved["config"]), (kept["token_embd.feature_ids"], kept["token_embd.feature_weights"], len(kept["token_embd.features"])))
        teacher.load_state_dict(kept)
        out.append(teacher.to(device).eval().requires_grad_(False))
        out[-1].token_embd.fix()
    return out


def distance(logits: torch.Tensor, wanted: torch.Tensor, real: torch.Tensor) -> torch.Tensor:
    """Mean divergence of the tags' distribution from the teachers', over the tokens that are none of a row's padding."""
    apart = F.kl_div(F.log_softmax(logits, -1), wanted, reduction="none").sum(-1)
    return (apart * real).sum() / real.sum()


def fuse(trial) -> None:
    """Compiles what lies between the model's multiplications on a GPU, where there is a compiler to do so."""
    plain = architecture.rotate, architecture.swiglu
    architecture.rotate, architecture.swiglu = map(torch.compile, plain)
    began = time.time()
    try:
        trial()
        print(f"compiled in {time.time() - began:.1f} s", flush=True)
    except Exception as error:  # noqa: BLE001: whatever is missing, training goes on without
        print(f"not compiled: {error}", flush=True)
        architecture.rotate, architecture.swiglu = plain


def recorded(step, batch: torch.Tensor):
    """`step` as one CUDA graph: a small model's step is otherwise mostly the launching of its kernels."""
    fixed = batch.clone()
    stream = torch.cuda.Stream()
    stream.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(stream):
        for _ in range(3):
            step(fixed)
    torch.cuda.current_stream().wait_stream(stream)
    torch.cuda.empty_cache()  # a graph has memory of its own
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        loss = step(fixed)

    def replay(batch: torch.Tensor) -> torch.Tensor:
        fixed.copy_(batch)
        graph.replay()
        return loss.clone()

    return replay


def main(args: argparse.Namespace) -> None:
    began = time.time()
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    args.rows.mkdir(parents=True, exist_ok=True)
    writers = corpus.start_writers(args.data, args.rows, args.writers, args.seed, args.all, args.fresh)
    torch.manual_seed(args.seed)
    table = features.table(bpe.load(Path(__file__).parent / "tokenizer.json"), args.data / "wiki.test.raw")
    model = (released.model(args.start, table) if args.start else Encoder(Config(**json.loads(args.config)), table)).to(device)
    model.dropout = args.dropout
    average = copy.deepcopy(model).eval()
    if device.type == "cuda":
        model.token_embd.on_gpu()
    optimizers = optimizers_of(model, device)
    bases = [[float(g["lr"]) for g in o.param_groups] for o in optimizers]
    teachers = teachers_of(args.teachers, device)
    weight = torch.ones(model.config.tags, device=device)
    weight[0] = args.o_weight
    rows = Rows(args.rows, device, args.capacity, (FRESH_SHARES if args.fresh else SHARES) | json.loads(args.shares))
    while rows.poll() or not all(rows.made.values()):
        time.sleep(0.2)
    state = {"step": 0, "tokens": 0, "seconds": 0.0}
    print(f"{time.time() - began:.1f} s until the first step", flush=True)

    def save() -> None:
        temporary = args.checkpoint.with_suffix(".new")
        torch.save({"average": {k: v.cpu() for k, v in average.state_dict().items()}, "state": state | {"seed": args.seed, "device": torch.cuda.get_device_name() if device.type == "cuda" else "cpu"}, "config": model.config.as_dict()}, temporary)
        temporary.replace(args.checkpoint)

    forward = torch.compile(model) if args.fused and device.type == "cpu" else model

    def step(batch: torch.Tensor) -> torch.Tensor:
        for optimizer in optimizers:
            optimizer.zero_grad(set_to_none=True)
        ids, tags, documents = batch.unbind(1)
        hidden = torch.rand(ids.shape, device=device) < args.hidden[0] + (args.hidden[1] - args.hidden[0]) * (tags > 0)
        guessed = torch.randint(ids.numel(), (int(ids.numel() * GUESSED),), device=device)
        if args.guess:
            hidden.view(-1).index_fill_(0, guessed, True)
        with torch.autocast(device.type, torch.bfloat16, cache_enabled=False):
            logits, read, table = forward(ids, documents, hidden)
            loss = tag_loss(logits.float().flatten(0, 1), tags.long().flatten(), weight)
            if teachers:
                with torch.no_grad():
                    wanted = torch.stack([teacher(ids, documents)[0].float().softmax(-1) for teacher in teachers]).mean(0)
                loss = (1 - args.soft) * loss + args.soft * distance(logits.float(), wanted, documents > 0)
            if args.guess:
                words = F.linear(read.flatten(0, 1).index_select(0, guessed), table)
                loss = loss + args.guess * F.cross_entropy(words.float(), ids.flatten()[guessed].long())
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        for optimizer in optimizers:
            optimizer.step()
        return loss.detach()

    model.train()
    if args.fused and device.type == "cuda":
        fuse(lambda: step(rows.batch(args.batch, 0)))
    start = last_poll = last_save = last_log = time.time()
    budget = args.until - start if args.until else args.minutes * 60
    losses: list[torch.Tensor] = []
    stopping: list[bool] = []
    signal.signal(signal.SIGTERM, lambda *_: stopping.append(True))
    run, run_quantized = step, None
    queue: collections.deque = collections.deque()
    while (seconds := time.time() - start) < budget and not stopping:
        progress = seconds / budget
        factor = args.rate * rate(state["step"], progress)
        for optimizer, base in zip(optimizers, bases):
            for group, lr in zip(optimizer.param_groups, base):
                if isinstance(group["lr"], torch.Tensor):
                    group["lr"].fill_(lr * factor)
                else:
                    group["lr"] = lr * factor
        batch = rows.batch(args.batch, 0.5 if args.fresh else progress)  # half way, shares are at their means
        if (quantized := progress >= QUANTIZE_FROM) != run_quantized:
            model.set_quantized(quantized)
            run_quantized = quantized
            run = step  # lets go of the graph before
            if state["step"]:
                save()
            if device.type == "cuda" and not args.eager:
                try:
                    run = recorded(step, batch)
                except RuntimeError as error:
                    print(f"cannot record a step, so steps are launched piece by piece: {error.__context__ or error}", flush=True)
                    if not state["step"]:  # in a process that has recorded nothing
                        for process in writers:
                            process.terminate()
                        os.execv(sys.executable, [sys.executable, *sys.argv, "--eager"])
        losses.append(run(batch).clone())
        state["step"] += 1
        state["tokens"] += batch.shape[0] * batch.shape[2]
        state["seconds"] = round(time.time() - start, 1)
        with torch.no_grad():
            decay = min(args.ema, (1 + state["step"]) / (10 + state["step"]))
            torch._foreach_lerp_(list(average.parameters()), list(model.parameters()), 1 - decay)
        if device.type == "cuda":
            queue.append(torch.cuda.Event())
            queue[-1].record()
            if len(queue) > AHEAD:
                queue.popleft().synchronize()
        now = time.time()
        if now - last_log > args.log:
            print(json.dumps(state | {"loss": round(torch.stack(losses).mean().item(), 4), "rows": rows.made, "progress": round(progress, 3)}), flush=True)
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
    parser.add_argument("--capacity", type=int, default=300_000, help="most rows of a kind to hold")
    parser.add_argument("--config", default="{}", help="JSON: shapes other than the default")
    parser.add_argument("--shares", default="{}", help="JSON: mean shares of rows by kind, where not the default")
    parser.add_argument("--start", type=Path, help="an exported file to go on from, in place of random weights; of the same tokenizer, and with no bias added")
    parser.add_argument("--fresh", nargs="*", default=[], help="files of written/ to draw more of than of the rest, where training goes on: next-*.txt")
    parser.add_argument("--rate", type=float, default=1.0, help="learning rate, as a share of the usual")
    parser.add_argument("--ema", type=float, default=EMA, help="decay of the average: less of it for a few steps")
    parser.add_argument("--dropout", type=float, default=0.1)
    parser.add_argument("--hidden", type=float, nargs=2, default=[HIDDEN, HIDDEN_NAME])
    parser.add_argument("--guess", type=float, default=0.1, help="weight of telling hidden tokens")
    parser.add_argument("--o-weight", type=float, default=O_WEIGHT)
    parser.add_argument("--teachers", type=Path, nargs="*", default=[], help="checkpoints whose answers to learn, on average")
    parser.add_argument("--soft", type=float, default=0.7, help="weight of the teachers' answers beside the annotation's")
    parser.add_argument("--all", action="store_true", help="train on the held-out parts too")
    parser.add_argument("--eager", action="store_true", help="record no CUDA graph")
    parser.add_argument("--fused", action="store_true", help="compile: on a CPU the model, on a GPU what lies between its multiplications")
    parser.add_argument("--log", type=float, default=5.0)
    parser.add_argument("--seed", type=int, default=5)
    main(parser.parse_args())
