#!/usr/bin/env python3
"""Counts instructions and compares them with benches/baseline.txt.

usage: benches/baseline.py [--bless] [--tolerance PERCENT] [BENCH..]

Runs the benchmarks (all of them, or those named: border, exec, translate) and prints one line a
row. Fails when a row takes more than PERCENT (2) more instructions than the baseline says, more
than its bar allows, or is missing on either side. A row that became cheaper by more than that is
only pointed out: record it with --bless, which rewrites the rows that were run and keeps their
bars.

Rows that end in `/mispredicted` count the indirect jumps that callgrind's simulated predictor got
wrong; what they may grow by is ten times PERCENT, because it depends on where code lies, too.

benches/install-runner.sh installs what this needs. The baseline is of the default build (dispatch
`sibling`, direct threading) with the compiler of rust-toolchain.toml, on x86-64 Linux. With
THREADLE_DISPATCH set otherwise, the rows are printed and compared with nothing.

A benchmark with a list of two arguments, which iai-callgrind numbers 0 and 1, becomes one row: the
difference of the two counts, divided by the distance of the arguments.
"""
import argparse
import json
import os
import subprocess
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
BASELINE = os.path.join(ROOT, "benches", "baseline.txt")
# Each benchmark file, with the distance between the two counts of its paired rows.
BENCHES = {"border": 1000, "exec": 1, "translate": 50}
HEADER = """\
# Instructions by row: see benches/baseline.py, which rewrites this file when called with --bless.
# border: one iteration. exec: one run, and its mispredicted indirect jumps. translate: one function
# more in a module; `instantiate`: twenty; `instance`: all of an instantiation.
# A number behind `at most` is a bar, which --bless keeps.
"""
MISPREDICTED = "/mispredicted"


def count(summary, event):
    """How often callgrind saw an event in a benchmark; None if it did not look."""
    for profile in summary["profiles"]:
        if profile["tool"] == "Callgrind":
            events = profile["summaries"]["total"]["summary"]["Callgrind"]
            if event not in events:
                return None
            metrics = events[event]["metrics"]
            # Alone, or beside an earlier run's: {"Left": new} or {"Both": [new, old]}.
            return (metrics["Left"] if "Left" in metrics else metrics["Both"][0])["Int"]
    sys.exit(f"baseline: {summary['id']} was not run by callgrind")


def measure(bench):
    """The rows of one benchmark file."""
    command = ["cargo"]
    if os.environ.get("THREADLE_DISPATCH") == "become":
        command.append("+nightly")
    command += ["bench", "--features", "bench", "--bench", bench, "--", "--output-format=json"]
    run = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    if run.returncode != 0:
        sys.exit(f"baseline: `{' '.join(command)}` failed")
    counts, mispredicted = {}, {}
    for line in run.stdout.splitlines():
        if line.startswith("{"):
            summary = json.loads(line)
            counts[summary["id"]] = count(summary, "Ir")
            mispredicted[summary["id"]] = count(summary, "Bim")
    if not counts:
        sys.exit(f"baseline: {bench} printed no summaries")
    rows = {}
    for name, instructions in counts.items():
        base, _, number = name.rpartition("_")
        if number == "0" and f"{base}_1" in counts:
            rows[f"{bench}/{base}"] = (counts[f"{base}_1"] - instructions) / BENCHES[bench]
        elif not (number == "1" and f"{base}_0" in counts):
            rows[f"{bench}/{name}"] = float(instructions)
            if mispredicted[name] is not None:
                rows[f"{bench}/{name}{MISPREDICTED}"] = float(mispredicted[name])
    return rows


def read_baseline():
    """Name to count and bar (or None)."""
    baseline = {}
    if os.path.exists(BASELINE):
        with open(BASELINE) as lines:
            for line in lines:
                words = line.split("#")[0].split()
                if words:
                    bar = float(words[4]) if words[2:4] == ["at", "most"] else None
                    baseline[words[0]] = (float(words[1]), bar)
    return baseline


def main():
    parser = argparse.ArgumentParser(usage=__doc__.split("usage: ")[1].split("\n")[0])
    parser.add_argument("--bless", action="store_true")
    parser.add_argument("--tolerance", type=float, default=2.0)
    parser.add_argument("bench", nargs="*")
    options = parser.parse_args()
    chosen = options.bench or list(BENCHES)
    unknown = [bench for bench in chosen if bench not in BENCHES]
    if unknown:
        sys.exit(f"baseline: no benchmark `{unknown[0]}`; there are {', '.join(BENCHES)}")

    rows = {}
    for bench in chosen:
        rows.update(measure(bench))
    comparable = os.environ.get("THREADLE_DISPATCH", "auto") in ("auto", "sibling")
    baseline = read_baseline()
    failures = 0
    print(f"{'row':32} {'baseline':>12} {'now':>12} {'change':>8}")
    for name, now in rows.items():
        before, bar = baseline.get(name, (None, None)) if comparable else (None, None)
        change, note = "", ""
        if before is not None:
            percent = (now - before) / max(before, 1) * 100
            change = f"{percent:+.1f} %"
            tolerance = options.tolerance * (10 if name.endswith(MISPREDICTED) else 1)
            if percent > tolerance and not options.bless:
                note, failures = "REGRESSION", failures + 1
            elif percent < -tolerance and not options.bless:
                note = "better: --bless records it"
        elif comparable and not options.bless:
            note, failures = "NOT IN THE BASELINE", failures + 1
        if bar is not None and now > bar:
            note, failures = f"ABOVE THE BAR of {bar:g}", failures + 1
        print(f"{name:32} {'' if before is None else f'{before:,.1f}':>12} {now:>12,.1f} {change:>8} {note}".rstrip())
    if comparable:
        gone = [name for name in baseline if name.split("/")[0] in chosen and name not in rows]
        for name in gone:
            if not options.bless:
                print(f"{name:32} GONE, but in the baseline")
                failures += 1
            del baseline[name]
    if options.bless:
        if not comparable:
            sys.exit("baseline: only the default dispatch has a baseline")
        for name, now in rows.items():
            baseline[name] = (now, baseline.get(name, (None, None))[1])
        with open(BASELINE, "w") as out:
            out.write(HEADER)
            for name in sorted(baseline, key=lambda name: list(BENCHES).index(name.split("/")[0])):
                count, bar = baseline[name]
                limit = "" if bar is None else f"  at most {bar:g}"
                out.write(f"{name:32} {count:12.1f}{limit}\n")
    # As test runners close, for .ci/run.
    result = "FAILED" if failures else "ok"
    print(f"test result: {result}. {len(rows) - failures} passed; {failures} failed; (rows)")
    if failures:
        sys.exit(f"baseline: {failures} rows fail")


main()
