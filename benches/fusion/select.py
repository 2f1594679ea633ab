#!/usr/bin/env python3
"""Chooses the fused ops of src/isa/fused.txt from profiles.

usage: select.py COUNT PAIRS PROFILE[=WEIGHT].. > fused.txt
       select.py --keep FUSED.TXT PROFILE[=WEIGHT].. > fused.txt
       select.py --held-out COUNT PAIRS PROFILE..
       select.py --more COUNT FUSED.TXT PROFILE.. > fused.txt

A profile is the site list that `threadle profile --sites FILE` writes: one executed instruction a
line (address, size, op, whether a branch leads to it, times dispatched, slots of each part), in order
of addresses. Take it with a command built without fused ops (`THREADLE_FUSED=off`): fused ones make ops
store what they need not. Every profile weighs the same (or WEIGHT), whatever its length. The second form keeps the
sequences of a list and only chooses their forms anew. The third tells how much ops chosen like that help
programs that were not profiled: families of profiles (those whose file names agree up to the first `-`
or `.`) are held out, a quarter at a time, and the dispatches that remain in them are counted.

What there is to know about ops is asked of the command: `threadle`, or what THREADLE names, prints it with `isa
--json`.

Pairs of neighbours are merged one after the other, the most frequently dispatched first; after
each round the code is cut anew into as few instructions as the ops chosen so far allow. What is no
longer used in the end is dropped. Of the lists beside this script, sequences in never.txt are left out, and
those in always.txt are kept whatever the profiles say, and those in again.txt get a form for loops of one
instruction besides. (A profile counts each time around; `threadle disas` shows such loops.)

What that finds is long and fits the programs that were profiled. PAIRS more are for all others: the pairs
of neighbours that are dispatched most, whatever has been chosen before. Their second part stores its result
where there is a choice, as then it fits also where only the accumulator was asked for: the translator makes
an op store if a fused op fits then (src/translate/compose.rs).

The last form adds COUNT pairs to a list, for programs that nobody profiled: those of two ops that the list
leaves alone, in at least two profiles, by the sum over the profiles of the square root of the share that they
are of a profile's dispatches. What one program does all the time counts for little then, what many do now and
then for much. Profiles may be static here (sites.py): every instruction of a module, weighed by loop depth.

Where a part reads the slot that an earlier part of the sequence writes, the value can be forwarded from
part to part: the digit of that part instead of the letter `s` says so. A sequence is listed in the form
that its places in the profiles have most often, and besides without forwarding if many places have not
that form. Those in unforwarded.txt are not.
"""
import sys

# The folder of this script: its name is that of a module of the standard library, which others import.
del sys.path[0]

import collections
import json
import os
import re
import statistics
import subprocess

ROUND = 30
FOLDS = 4
EXTEND_ROUNDS = 4


def table():
    """The op table, as the command prints it."""
    command = os.environ.get("THREADLE", "threadle")
    return json.loads(subprocess.run([command, "isa", "--json"], check=True, stdout=subprocess.PIPE).stdout)


TABLE = table()
OPS = {op["name"]: op for op in TABLE["ops"] if not op["parts"]}
# Longest sequence, and what a dispatch costs in stores that would not be needed.
MAX_LENGTH, DISPATCH = TABLE["most_parts"], TABLE["dispatch"]
# The ops whose result is in the accumulator only, with those that store it besides.
STORED = {name: op["stored"] for name, op in OPS.items() if op["stored"]}


def ends(op):
    """Whether an op leaves the straight line whatever happens: only the last of a sequence."""
    return "ends" in OPS[op]["attributes"]


def never(op):
    """Whether the table says that profiles put an op into no sequence."""
    return not {"resumes", "alone"}.isdisjoint(OPS[op]["attributes"])


def unfused(part):
    """A part's name without what it says of forwarded operands."""
    name, _, letters = part.rpartition("_")
    if not name or not re.fullmatch("[aslmnik0-4]+", letters):
        return part
    return name + "_" + re.sub("[0-4]", "s", letters)


def sequences(name):
    """The sequences of a list beside this script."""
    with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), name)) as lines:
        return [tuple(line.split()) for line in lines if line.strip() and not line.startswith("#")]


def hides_pc(ops):
    """Whether an op returns behind a memory access: `pc` would be dead at the access, and the
    compiler free to use its register, where the fault handler looks for it."""
    access = [i for i, op in enumerate(ops) if "faults" in OPS[op]["attributes"]]
    return bool(access) and any(OPS[op]["family"] == "return" for op in ops[access[0]:])


def blocks(path):
    """Runs of instructions that can be fused: lists of (part, count, slots)."""
    run, end = [], None
    for line in open(path):
        address, size, op, target, count, slots = line.split()
        address, size, count = int(address), int(size), int(count)
        parts = op.split("__")
        if len(parts) > 1:
            parts = [unfused(part) for part in parts]
        if address != end or target == "1" or never(parts[0]):
            if run:
                yield run
            run = []
        if not never(parts[0]):
            for part, named in zip(parts, slots.split(";")):
                run.append((part, count, named))
        end = address + size
        if ends(parts[-1]) and run:
            yield run
            run = []
    if run:
        yield run


def tree(chosen):
    """The sequences by their parts, one dictionary in the other; `None` says that one ends."""
    root = {}
    for op in chosen:
        node = root
        for part in op:
            node = node.setdefault(part, {})
        node[None] = True
    return root


def named(part, name):
    """A part under the name that it has in a fused op: if it stores, what it did not, in a slot of its own."""
    return part if part[0] == name else (name, part[1], f"{id(part)}=" + ("" if part[2] == "-" else "," + part[2]))


def cut(run, root):
    """The run as few ops as possible (each weighed by how often it is dispatched)."""
    n = len(run)
    best = [None] * n + [(0, 0, ())]
    for i in range(n - 1, -1, -1):
        count = run[i][1]
        node = (count * DISPATCH + best[i + 1][0], 1, (run[i][0],))
        open_ = [(root, 0, ())]
        while open_:
            place, stores, names = open_.pop()
            length = len(names)
            if length > 1 and None in place:
                cost = count * (DISPATCH + stores) + best[i + length][0]
                if (cost, -length) < (node[0], -node[1]):
                    node = (cost, length, names)
            if length < MAX_LENGTH and i + length < n:
                op = run[i + length][0]
                if op in place:
                    open_.append((place[op], stores, names + (op,)))
                op = STORED.get(op)
                if op in place and op is not None:
                    open_.append((place[op], stores + 1, names + (op,)))
        best[i] = node
    i = 0
    while i < n:
        _, length, names = best[i]
        yield [named(part, name) for part, name in zip(run[i:i + length], names)]
        i += length


def scalar(op):
    """Whether an op is one whose operands can be forwarded, or that nothing but its destination keeps a
    value from being forwarded across."""
    return "forwards" in OPS[op]["attributes"] and not never(op) or ends(op)


def forwarded(group):
    """The names of a sequence's parts at a place, with what can be forwarded there."""
    written, names = {}, []
    for i, (op, _, slots) in enumerate(group):
        slots = [] if slots == "-" else slots.split(",")
        own = [slot[:-1] for slot in slots if slot.endswith("=")]
        if not scalar(op):
            written = {}
            names.append(op)
            continue
        read = iter(slot for slot in slots if not slot.endswith("="))
        name, letters = op.rsplit("_", 1) if "_" in op else (op, "")
        letters = list(letters)
        for k in range(len(own), len(letters) if set(letters) <= set("aslmnik") else 0):
            if letters[k] == "s":
                letters[k] = str(written.get(next(read), "s"))
        names.append(name + ("_" + "".join(letters) if letters else ""))
        written.update((slot, i) for slot in own)
    return tuple(names)


def forms(listed, profiles):
    """The forms of each sequence that are worth a handler, that which forwards first."""
    places = {op: collections.Counter() for op in listed}
    root = tree(listed)
    for mine, total in profiles:
        for run in mine:
            for group in cut(run, root):
                op = tuple(part[0] for part in group)
                if len(op) > 1:
                    places[op][forwarded(group)] += group[0][1] / total
    refused = set(sequences("unforwarded.txt"))
    for op, found in places.items():
        best = max((form for form in found if form != op), key=found.get, default=op)
        share = found[best] / (sum(found.values()) or 1)
        if best == op or op in refused or share < 0.2:
            yield op, [op]
        else:
            yield op, [best] if share > 0.97 else [best, op]


def weighed(mine, total):
    """A profile's runs, equal ones as one, with shares of all its dispatches instead of counts."""
    merged = collections.Counter()
    for run in mine:
        if sum(part[1] for part in run) * 100000 > total:
            merged[tuple(part[0] for part in run), tuple(part[1] for part in run)] += 1
    return [[(op, c * times / total, "-") for op, c in zip(ops, counts)]
            for (ops, counts), times in merged.items()]


def tokens(runs, chosen):
    """The runs, cut."""
    root = tree(chosen)
    for run in runs:
        yield [(tuple(part[0] for part in group), group[0][1]) for group in cut(run, root)]


def remaining(runs, chosen):
    """The share of dispatches that remains when these sequences are fused."""
    return sum(c for run in tokens(runs, chosen) for _, c in run) / sum(part[1] for run in runs for part in run)


def choose(runs, count):
    """The sequences to fuse, those of always.txt and `count` others."""
    refused, chosen = set(sequences("never.txt")), set(sequences("always.txt"))
    count += len(chosen)
    while len(chosen) < count:
        pairs = collections.Counter()
        for run in tokens(runs, chosen):
            for (a, _), (b, c) in zip(run, run[1:]):
                if len(a) + len(b) <= MAX_LENGTH:
                    pairs[a + b] += c
        fresh = [p for p, _ in pairs.most_common() if p not in chosen and p not in refused and not hides_pc(p)]
        if not fresh:
            break
        chosen.update(fresh[:min(ROUND, count - len(chosen))])
    return chosen


def pairs(count, profiles, chosen):
    """The pairs that are dispatched most and are not among the chosen ones yet, in their forms."""
    found = collections.Counter()
    for mine, total in profiles:
        for run in mine:
            for first, second in zip(run, run[1:]):
                if first[1] * 100000 > total and not never(second[0]):
                    group = [first, named(second, STORED.get(second[0], second[0]))]
                    found[forwarded(group)] += first[1] / total
    refused = set(sequences("never.txt"))
    plain = set(sequences("unforwarded.txt"))
    for form, _ in found.most_common():
        op = tuple(map(unfused, form))
        if count == 0:
            break
        # One form that forwards is enough.
        if op in chosen or op in refused or hides_pc(op) or form != op and op in plain:
            continue
        if form != op:
            plain.add(op)
        count -= 1
        yield form


def lone(run, root):
    """The pairs of neighbours that a cut leaves alone, as a pair would have them."""
    groups = list(cut(run, root))
    for first, second in zip(groups, groups[1:]):
        if len(first) == len(second) == 1 and not ends(first[0][0]) and not never(second[0][0]):
            second = second[0]
            yield [first[0], named(second, STORED.get(second[0], second[0]))]


def extend(count, chosen, profiles):
    """The pairs by which programs gain most that are not in any profile, in their forms."""
    refused = set(sequences("never.txt"))
    plain = set(sequences("unforwarded.txt"))
    chosen = set(chosen)
    added = []
    while len(added) < count:
        root = tree(chosen)
        scores, programs = collections.Counter(), collections.Counter()
        forms_of = collections.defaultdict(collections.Counter)
        for mine, total in profiles:
            shares = collections.Counter()
            for run in mine:
                if sum(part[1] for part in run) * 100000 > total:
                    for group in lone(run, root):
                        op = tuple(part[0] for part in group)
                        shares[op] += group[0][1] / total
                        forms_of[op][forwarded(group)] += group[0][1] / total
            for op, share in shares.items():
                scores[op] += share ** 0.5
                programs[op] += 1
        fresh = [op for op, _ in scores.most_common()
                 if programs[op] > 1 and op not in chosen and op not in refused and not hides_pc(op)]
        if not fresh:
            break
        for op in fresh[:min(count - len(added), max(500, count // EXTEND_ROUNDS))]:
            chosen.add(op)
            form = forms_of[op].most_common(1)[0][0]
            added.append(op if op in plain else form)
            # One more handler for the places where nothing can be forwarded.
            if form != op and op not in plain and forms_of[op][op] > 0.2 * sum(forms_of[op].values()):
                added.append(op)
    return added


def hold_out(count, more, paths):
    """Prints what remains of the dispatches of programs that ops are not chosen for."""
    profiles, runs = {}, {}
    for path in paths:
        mine = list(blocks(path))
        profiles[path] = mine, sum(part[1] for run in mine for part in run)
        runs[path] = weighed(*profiles[path])
    families = collections.defaultdict(list)
    for path in paths:
        families[re.split("[-.]", os.path.basename(path))[0]].append(path)
    seen, unseen = [], []
    for fold in range(FOLDS):
        held = {path for family in sorted(families)[fold::FOLDS] for path in families[family]}
        others = [path for path in paths if path not in held]
        chosen = choose([run for path in others for run in runs[path]], count)
        chosen |= {tuple(map(unfused, form)) for form in pairs(more, [profiles[path] for path in others], chosen)}
        for path in paths:
            left = remaining(runs[path], chosen)
            (unseen if path in held else seen).append(left)
            if path in held:
                print(f"{left:.3f}  {os.path.basename(path)}")
    for name, shares in ("seen", seen), ("not seen", unseen):
        print(f"{statistics.geometric_mean(shares):.3f}  mean of programs {name}")


def main():
    if sys.argv[1] == "--held-out":
        hold_out(int(sys.argv[2]), int(sys.argv[3]), sys.argv[4:])
        return
    if sys.argv[1] == "--more":
        with open(sys.argv[3]) as lines:
            text = lines.read()
        chosen = [tuple(map(unfused, line.split())) for line in text.splitlines()
                  if line.strip() and not line.startswith("#") and not line.endswith(" again")]
        profiles = [(runs, sum(part[1] for run in runs for part in run) or 1) for runs in map(list, map(blocks, sys.argv[4:]))]
        print(text, end="")
        for form in extend(int(sys.argv[2]), chosen, profiles):
            print(" ".join(form))
        return
    keep = sys.argv[1] == "--keep"
    count, more = (0, 0) if keep else map(int, sys.argv[1:3])
    paths = sys.argv[3:]
    runs, profiles = [], []
    for path in paths:
        path, _, weight = path.partition("=")
        mine = list(blocks(path))
        total = (sum(part[1] for run in mine for part in run) or 1) / float(weight or 1)
        profiles.append((mine, total))
        runs += weighed(mine, total)
    if keep:
        with open(sys.argv[2]) as lines:
            listed = [[unfused(part) for part in line.split()] for line in lines
                      if not line.startswith("#") and not line.endswith(" again\n")]
        write(list(dict.fromkeys(map(tuple, listed))), profiles, [])
        return
    chosen = choose(runs, count)
    used = collections.Counter()
    for run in tokens(runs, chosen):
        for op, c in run:
            if len(op) > 1:
                used[op] += c
    listed = [op for op, _ in used.most_common()] + [op for op in sequences("always.txt") if op not in used]
    general = list(pairs(more, profiles, set(listed)))
    fused = set(listed) | {tuple(map(unfused, form)) for form in general}
    print(f"dispatches: {remaining(runs, fused):.3f} of before, {len(fused)} fused ops", file=sys.stderr)
    write(listed, profiles, general)


def write(listed, profiles, general):
    """Prints the list, with the forms of each sequence."""
    print("# Fused ops: sequences of ops that are dispatched as one, most used first. Chosen by")
    print("# benches/fusion/select.py from profiles; see docs/performance.md.")
    forms_of = dict(forms(listed, profiles))
    for op in listed:
        for form in forms_of[op]:
            print(" ".join(form))
    for form in general:
        print(" ".join(form))
    for op in sequences("again.txt"):
        for form in forms_of.get(op, []):
            print(" ".join(form), "again")


main()
