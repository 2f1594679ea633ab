#!/usr/bin/env python3
"""Dispatches and machine instructions per executed WebAssembly instruction, as a table.

usage: counts.py THREADLE CORPUS

THREADLE is the command, built for release with symbols or without; CORPUS a folder whose
kernels/expected.json says how many WebAssembly instructions each run executes. Needs valgrind. All
numbers are exact. From the machine instructions those of a run of an empty function are taken off, so
that the program's start does not count; translation does.
"""
import json
import pathlib
import re
import subprocess
import sys
import tempfile

LARGEST = 40_000_000


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


def main():
    threadle, corpus = sys.argv[1], pathlib.Path(sys.argv[2]) / "kernels"
    print("| kernel | dispatches per Wasm instruction | instructions per dispatch | instructions per Wasm instruction |")
    print("|---|--:|--:|--:|")
    with tempfile.NamedTemporaryFile("w", suffix=".wat") as empty:
        empty.write('(module (func (export "run") (param i32)))')
        empty.flush()
        start = machine([threadle, "run", "--invoke", "run", empty.name, "0"])
    for name, kernel in json.loads((corpus / "expected.json").read_text()).items():
        runs = [run for run in kernel["runs"] if run.get("ops") and run["ops"] <= LARGEST]
        if not runs or runs[0].get("n") is None:
            continue
        run = runs[0]
        arguments = ["--invoke", "run", str(corpus / kernel["wasm"])]
        try:
            total = dispatches(threadle, [*arguments, str(run["n"])])
        except subprocess.CalledProcessError:
            continue
        count = machine([threadle, "run", *arguments, str(run["n"])])
        count -= start
        ops = run["ops"]
        print(f"| `{name}` | {total / ops:.2f} | {count / total:.1f} | {count / ops:.2f} |", flush=True)


main()
