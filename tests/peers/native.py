"""Sotto's cpu backend beside llama.cpp, natively, on the same GGUF file: one line a thread count.

    pip install llama-cpp-python
    cargo build --release --bin sotto
    target/release/sotto convert random:mini /tmp/mini.gguf --quantize Q4_0
    python tests/peers/native.py /tmp/mini.gguf target/release/sotto

Each gives the median of its runs, as `sotto bench` does: 128 tokens of prompt, then 32 one by one. They take turns, so that
a busy machine slows both.
"""

import json
import statistics
import subprocess
import sys
import time

import llama_cpp

PROMPT, GENERATE, RUNS, TURNS = 128, 32, 3, 5


def sotto(program, path, threads):
    sizes = ["--prompt", PROMPT, "--gen", GENERATE, "--runs", RUNS]
    command = [program, "bench", "--model", path, "--backend", "cpu", "--threads", threads, "--json", *sizes]
    line = json.loads(subprocess.check_output([str(word) for word in command]))
    return line["prefill_tokens_per_second"], line["decode_tokens_per_second"]


def llama(path, threads):
    model = llama_cpp.Llama(path, n_ctx=512, n_batch=512, n_threads=threads, n_threads_batch=threads, verbose=False)
    ids = [3 + i * 7919 % 8000 for i in range(PROMPT)]
    prefill, decode = [], []
    for _ in range(RUNS):
        model.reset()
        start = time.perf_counter()
        model.eval(ids)
        prefill.append(PROMPT / (time.perf_counter() - start))
        # `sotto bench` decodes from the beginning of the context, not from behind the prompt.
        model.reset()
        model.eval(ids[:1])
        start = time.perf_counter()
        for i in range(GENERATE):
            model.eval([5 + i])
        decode.append(GENERATE / (time.perf_counter() - start))
    return statistics.median(prefill), statistics.median(decode)


def main():
    path, program = sys.argv[1:3]
    for threads in (1, 2):
        turns = [(sotto(program, path, threads), llama(path, threads)) for _ in range(TURNS)]
        ours, theirs = ([statistics.median(column) for column in zip(*side)] for side in zip(*turns))
        print(
            f"{threads} threads: prefill {ours[0]:.0f} and llama.cpp's {theirs[0]:.0f} ({ours[0] / theirs[0]:.2f}x), "
            f"decode {ours[1]:.0f} and llama.cpp's {theirs[1]:.0f} ({ours[1] / theirs[1]:.2f}x) tokens/s"
        )


main()
