#!/usr/bin/env python3
"""Dispatches and machine instructions per executed WebAssembly instruction, as a table.

usage: counts.py THREADLE CORPUS

THREADLE is the command, built for release with symbols or without; CORPUS a folder whose
kernels/expected.json says how many WebAssembly instructions each run executes. Needs valgrind, and minutes.
All numbers are exact: differences between a kernel's longest run and its shortest, so that nothing that
happens once counts. A kernel with a single run has translation and the program's start in it.
"""
import json
import pathlib
import re
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor


def machine(command):
    """Instructions that callgrind counts for a run of `command`."""
    with tempfile.TemporaryDirectory() as folder:
        tool = ["valgrind", "--tool=callgrind", f"--callgrind-out-file={folder}/out"]
        done = subprocess.run(tool + command, capture_output=True, text=True)
        return int(re.search(r"Collected : (\d+)", done.stderr)[1])


def dispatches(threadle, arguments):
    """Dispatches of a run."""
    with tempfile.NamedTemporaryFile("r") as ops:
        command = [threadle, "profile", "--ops", ops.name, *arguments]
        subprocess.run(command, capture_output=True, check=True)
        return int(re.search(r"ops: (\d+) dispatches", ops.read())[1])


def row(threadle, corpus, name, kernel):
    """A kernel's row of the table; nothing if its runs do not say how long they are."""
    runs = sorted((run for run in kernel["runs"] if run.get("ops")), key=lambda run: run["ops"])
    if not runs:
        return None
    counts = []
    for run in {run["ops"]: run for run in (runs[0], runs[-1])}.values():
        arguments = ["--invoke", "run", str(corpus / kernel["wasm"])]
        if run.get("n") is not None:
            arguments.append(str(run["n"]))
        counts.append((run["ops"], dispatches(threadle, arguments), machine([threadle, "run", *arguments])))
    once = counts[0] if len(counts) > 1 else (0, 0, 0)
    ops, total, count = (a - b for a, b in zip(counts[-1], once))
    return f"| `{name}` | {total / ops:.2f} | {count / total:.1f} | {count / ops:.2f} |"


def main():
    threadle, corpus = sys.argv[1], pathlib.Path(sys.argv[2]) / "kernels"
    print("| kernel | dispatches per Wasm instruction | instructions per dispatch | instructions per Wasm instruction |")
    print("|---|--:|--:|--:|")
    kernels = json.loads((corpus / "expected.json").read_text())
    with ThreadPoolExecutor() as pool:
        for line in pool.map(lambda item: row(threadle, corpus, *item), kernels.items()):
            if line:
                print(line, flush=True)


main()
