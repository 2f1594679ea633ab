#!/usr/bin/env python3
"""Which handlers touch which of the interpreter's registers, and how often.

An example of a script on top of asm-check's JSON: it lists the handlers of a binary, asks for
the assembly of those whose name matches, and counts the interpreter's register names in it.

    registers.py ASM_CHECK BINARY [PATTERN]

    ASM_CHECK  the asm-check executable
    BINARY     a linked program with Threadle in it
    PATTERN    a regular expression on op names; all load and store ops by default
"""

import collections
import json
import re
import subprocess
import sys

SCHEMA = 1
ROLES = ["pc", "fp", "mem", "acc", "l0", "ctx", "fa", "f0"]


def asm_check(*arguments):
    """Runs asm-check and returns its JSON. Exit code 1 is a verdict on the code, not an error."""
    command = [sys.argv[1], *arguments, "--format", "json", *extra_arguments()]
    done = subprocess.run(command, stdout=subprocess.PIPE, check=False)
    if done.returncode > 1:
        sys.exit(done.returncode)
    answer = json.loads(done.stdout)
    if answer["schema"] != SCHEMA:
        sys.exit(f"this script knows schema {SCHEMA}, asm-check speaks {answer['schema']}")
    return answer


def extra_arguments():
    """Options behind `--`, handed on to asm-check."""
    return sys.argv[sys.argv.index("--") + 1 :] if "--" in sys.argv else []


def main():
    arguments = sys.argv[: sys.argv.index("--")] if "--" in sys.argv else sys.argv
    if len(arguments) not in (3, 4):
        sys.exit(__doc__)
    binary = arguments[2]
    pattern = re.compile(arguments[3] if len(arguments) == 4 else "load|store")

    listing = asm_check("list", binary)
    print(f"{'op':32} {'hot':>4} " + " ".join(f"{role:>4}" for role in ROLES))
    for function in listing["functions"]:
        if function["kind"] != "handler" or not pattern.search(function["name"]):
            continue
        shown = asm_check("show", function["name"], binary)
        counts = collections.Counter()
        for line in shown["lines"]:
            for word in re.findall(r"[a-z][a-z0-9]*", line["roles"] or ""):
                counts[word] += 1
        row = " ".join(f"{counts[role] or '':>4}" for role in ROLES)
        print(f"{function['name']:32} {function['hot_longest']:4} {row}")


if __name__ == "__main__":
    main()
