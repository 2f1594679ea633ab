#!/usr/bin/env python3
"""Writes the sites of a module that is not run, for `threadle fuse --spread`.

usage: sites.py MODULE LIMIT > FILE

Each instruction is a line as `threadle profile --sites` writes it; how often it is dispatched is taken to be
three times as often for each loop around it, up to five. LIMIT instructions are enough: functions are drawn
at random (always the same ones). THREADLE names the command, built without fused ops (`THREADLE_FUSED=off`).

modules.txt names public packages of the npm registry whose modules the list in use was chosen from, besides
profiles: `npm pack NAME`, then every .wasm file in the archive, 15,000 instructions of each.
"""
import sys

import os
import random
import re
import subprocess

COLUMN = 44  # where `threadle disas` prints the bytecode
INSTRUCTION = re.compile(r"\s*([0-9a-f]+)  ([a-z][a-z_0-9]*)(?: (.*))?$")
WEIGHT, DEEPEST = 3, 5


def functions(module):
    """The instructions of each function: address, op, operands."""
    command = [os.environ.get("THREADLE", "threadle"), "disas", module]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, errors="replace") as process:
        found = None
        for line in process.stdout:
            line = line.rstrip("\n")
            if line.startswith("function "):
                if found:
                    yield found
                found = []
            elif found is not None and (match := INSTRUCTION.match(line[COLUMN:])):
                found.append((int(match[1], 16), match[2], match[3] or ""))
        if found:
            yield found


def targets(operands):
    return [int(target, 16) for target in re.findall(r"@([0-9a-f]+)", operands)]


def sites(function, base):
    """The lines of a function whose code begins at `base`."""
    ends, led_to = {}, set()
    for address, _, operands in function:
        for target in targets(operands):
            led_to.add(target)
            if target <= address:
                ends[target] = max(ends.get(target, 0), address)
    following = [address for address, _, _ in function[1:]] + [function[-1][0] + 8]
    for (address, op, operands), after in zip(function, following):
        depth = sum(start <= address <= end for start, end in ends.items())
        slots = [slot[1:] + ("=" if name.startswith("dst") else "")
                 for name, slot in re.findall(r"(\w+)=(s-?\d+)", operands)]
        yield (f"{base + address} {after - address} {op} {int(address in led_to)} "
               f"{WEIGHT ** min(depth, DEEPEST)} {','.join(slots) or '-'}")


def main():
    module, limit = sys.argv[1], int(sys.argv[2])
    drawn = [function for function in functions(module) if len(function) > 1]
    random.Random(7).shuffle(drawn)
    base = 0
    for function in drawn:
        if limit <= 0:
            break
        print("\n".join(sites(function, base)))
        limit -= len(function)
        base += function[-1][0] + 4096


main()
