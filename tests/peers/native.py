"""Sotto beside llama.cpp, natively, on the same GGUF file: one line a thread count, or a line for the GPU.

    pip install llama-cpp-python
    cargo build --release --bin sotto
    target/release/sotto convert random:mini /tmp/mini.gguf --quantize Q4_0
    python tests/peers/native.py /tmp/mini.gguf target/release/sotto
    python tests/peers/native.py /tmp/mini.gguf target/release/sotto --gpu --backend libggml-cuda.so

`--backend` loads a backend of llama.cpp that was built as a library of its own (GGML_BACKEND_DL); without it llama-cpp-python
must hold one. Each gives the median of its runs: a prompt, then tokens one by one from the beginning of the context. They take
turns, so that a busy machine slows both.
"""

import argparse
import ctypes
import json
import statistics
import subprocess
import time

import llama_cpp

QUIET = llama_cpp.llama_log_callback(lambda level, text, data: None)
CPU_TURNS, GPU_TURNS, RUNS = 5, 2, 3


def sotto(args, threads):
    sizes = ["--prompt", args.prompt, "--gen", args.generate, "--runs", RUNS, "--backend", "gpu" if args.gpu else "cpu"]
    command = [args.sotto, "bench", "--model", args.model, "--threads", threads, "--json", *sizes]
    line = json.loads(subprocess.check_output([str(word) for word in command]))
    return line["prefill_tokens_per_second"], line["decode_tokens_per_second"]


class Llama:
    """A model and its context, through the C functions: Python's own costs would show on a GPU."""

    def __init__(self, args, threads):
        params = llama_cpp.llama_model_default_params()
        params.n_gpu_layers = 999 if args.gpu else 0
        self.model = llama_cpp.llama_model_load_from_file(args.model.encode(), params)
        if not self.model:
            raise SystemExit(f"llama.cpp cannot load {args.model}")
        params = llama_cpp.llama_context_default_params()
        params.n_ctx, params.n_batch, params.n_ubatch = args.prompt + args.generate + 8, args.prompt, args.prompt
        params.n_threads = params.n_threads_batch = threads
        self.context = llama_cpp.llama_init_from_model(self.model, params)

    def decode(self, ids):
        array = (llama_cpp.llama_token * len(ids))(*ids)
        batch = llama_cpp.llama_batch_get_one(array, len(ids))
        if llama_cpp.llama_decode(self.context, batch):
            raise SystemExit("llama.cpp cannot decode")
        llama_cpp.llama_synchronize(self.context)

    def forget(self):
        llama_cpp.llama_memory_clear(llama_cpp.llama_get_memory(self.context), True)

    def close(self):
        llama_cpp.llama_free(self.context)
        llama_cpp.llama_model_free(self.model)


def llama(args, threads):
    model = Llama(args, threads)
    ids = [3 + i * 7919 % 8000 for i in range(args.prompt)]
    prefill, decode = [], []
    for run in range(RUNS + 1):  # the first warms up
        model.forget()
        start = time.perf_counter()
        model.decode(ids)
        prefilled = time.perf_counter() - start
        # `sotto bench` decodes from the beginning of the context, not from behind the prompt.
        model.forget()
        model.decode(ids[:1])
        start = time.perf_counter()
        for i in range(args.generate):
            model.decode([5 + i])
        if run:
            prefill.append(args.prompt / prefilled)
            decode.append(args.generate / (time.perf_counter() - start))
    model.close()
    return statistics.median(prefill), statistics.median(decode)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model")
    parser.add_argument("sotto")
    parser.add_argument("--gpu", action="store_true", help="on the GPU instead of the processor")
    parser.add_argument("--backend", help="a backend of llama.cpp to load")
    parser.add_argument("--prompt", type=int, default=128)
    parser.add_argument("--generate", type=int, default=32)
    args = parser.parse_args()
    llama_cpp.llama_log_set(QUIET, None)
    llama_cpp.llama_backend_init()
    if args.backend:
        ggml = ctypes.CDLL("libggml.so.0")
        ggml.ggml_backend_load.restype = ctypes.c_void_p
        if not ggml.ggml_backend_load(args.backend.encode()):
            raise SystemExit(f"llama.cpp cannot load {args.backend}")
    for threads in [1] if args.gpu else [1, 2]:
        turns = [(sotto(args, threads), llama(args, threads)) for _ in range(GPU_TURNS if args.gpu else CPU_TURNS)]
        ours, theirs = ([statistics.median(column) for column in zip(*side)] for side in zip(*turns))
        print(
            f"{'GPU' if args.gpu else f'{threads} threads'}: prefill {ours[0]:.0f} and llama.cpp's {theirs[0]:.0f} ({ours[0] / theirs[0]:.2f}x), "
            f"decode {ours[1]:.0f} and llama.cpp's {theirs[1]:.0f} ({ours[1] / theirs[1]:.2f}x) tokens/s"
        )


main()
