#!/usr/bin/env python3
"""Chooses the fused ops of src/isa/fused.txt from profiles.

usage: select.py COUNT PROFILE[=WEIGHT].. > src/isa/fused.txt

A profile is the site list that `threadle profile --sites FILE` writes: one executed instruction a
line (address, size, op, whether a branch leads to it, times dispatched), in order of addresses.
Every profile weighs the same (or WEIGHT), whatever its length.

Pairs of neighbours are merged one after the other, the most frequently dispatched first; after
each round the code is cut anew into as few instructions as the ops chosen so far allow. What is no
longer used in the end is dropped. Of the lists beside this script, sequences in never.txt are left out, and
those in always.txt are kept whatever the profiles say, and those in again.txt get a form for loops of one
instruction besides. (A profile counts each time around; `threadle disas` shows such loops.)
"""
import collections
import os
import sys

MAX_LENGTH = 6
ROUND = 30
# Ops whose code is rewritten in other ways, and rare ones that would only bring size.
NEVER = {"zero_locals", "exit", "lazy_compile", "call_runtime", "trap", "consume_fuel", "check_interrupt",
         "call_indirect_host", "return_thunk", "mov_span", "br_table_s", "br_table_l"}


def ends(op):
    """Whether an op leaves the straight line whatever happens: only the last of a sequence."""
    return op == "br" or op.startswith(("br_table", "call", "return_", "ret"))


def never(op):
    return op in NEVER or op.startswith(("return_", "checked_", "wide_", "call_ref", "call_indirect")) or op.endswith(("_m32", "_m64"))


def sequences(name):
    """The sequences of a list beside this script."""
    with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), name)) as lines:
        return [tuple(line.split()) for line in lines if line.strip() and not line.startswith("#")]


def hides_pc(ops):
    """Whether an op returns behind a memory access: `pc` would be dead at the access, and the
    compiler free to use its register, where the fault handler looks for it."""
    access = [i for i, op in enumerate(ops) if "load" in op or "store" in op]
    return bool(access) and any(op.startswith("ret") for op in ops[access[0]:])


def blocks(path):
    """Runs of instructions that can be fused: lists of (parts, count)."""
    run, end = [], None
    for line in open(path):
        address, size, op, target, count = line.split()
        address, size, count = int(address), int(size), int(count)
        parts = op.split("__")
        if address != end or target == "1" or never(parts[0]):
            if run:
                yield run
            run = []
        if not never(parts[0]):
            for part in parts:
                run.append((part, count))
        end = address + size
        if ends(parts[-1]) and run:
            yield run
            run = []
    if run:
        yield run


def cut(run, chosen):
    """The run as few ops as possible (each weighed by how often it is dispatched)."""
    n = len(run)
    best = [None] * (n + 1)
    best[n] = (0, 1)
    for i in range(n - 1, -1, -1):
        node = None
        for length in range(1, min(MAX_LENGTH, n - i) + 1):
            if length > 1 and tuple(op for op, _ in run[i:i + length]) not in chosen:
                continue
            cost = run[i][1] + best[i + length][0]
            if node is None or cost <= node[0]:
                node = (cost, length)
        best[i] = node
    i = 0
    while i < n:
        length = best[i][1]
        yield tuple(op for op, _ in run[i:i + length]), run[i][1]
        i += length


def main():
    count, paths = int(sys.argv[1]), sys.argv[2:]
    runs = []
    for path in paths:
        path, _, weight = path.partition("=")
        mine = list(blocks(path))
        total = (sum(c for run in mine for _, c in run) or 1) / float(weight or 1)
        merged = collections.Counter()
        for run in mine:
            if sum(c for _, c in run) * 100000 > total:
                merged[tuple(op for op, _ in run), tuple(c for _, c in run)] += 1
        for (ops, counts), times in merged.items():
            runs.append([(op, c * times / total) for op, c in zip(ops, counts)])
    refused, kept = set(sequences("never.txt")), sequences("always.txt")
    chosen = set(kept)
    count += len(kept)

    def tokens():
        for run in runs:
            yield list(cut(run, chosen))

    before = sum(c for run in tokens() for _, c in run)
    while len(chosen) < count:
        pairs = collections.Counter()
        for run in tokens():
            for (a, _), (b, c) in zip(run, run[1:]):
                if len(a) + len(b) <= MAX_LENGTH:
                    pairs[a + b] += c
        fresh = [p for p, _ in pairs.most_common() if p not in chosen and p not in refused and not hides_pc(p)]
        if not fresh:
            break
        chosen.update(fresh[:min(ROUND, count - len(chosen))])
    used = collections.Counter()
    for run in tokens():
        for op, c in run:
            if len(op) > 1:
                used[op] += c
    after = sum(c for run in tokens() for _, c in run)
    print(f"dispatches: {after / before:.3f} of before, {len(used)} fused ops in use", file=sys.stderr)
    print("# Fused ops: sequences of ops that are dispatched as one, most used first. Chosen by")
    print("# benches/fusion/select.py from profiles; see docs/performance.md.")
    listed = [op for op, _ in used.most_common()] + [op for op in kept if op not in used]
    for op in listed:
        print(" ".join(op))
    for op in sequences("again.txt"):
        if op in listed:
            print(" ".join(op), "again")


main()
