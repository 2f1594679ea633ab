#!/usr/bin/env python3
"""How fast programs run whose families had no say in the choice of fused ops.

usage: held_out.py FOLDER CORPUS [MODULES]

Families (what programs' names begin with, up to `-`, `_` or a number) are divided into four parts. For each part, a list is
chosen as docs/tuning.md says the one in use was, without the profiles of that part, and a build of benches/peers with
that list runs its rows. CORPUS is a folder as benches/peers takes it; the project's own kernels come on top. MODULES
has the archives' .wasm files of modules.txt, in folders of any depth: without it the pairs for programs that nobody profiled are
chosen from profiles alone.

All that is made stays in FOLDER, and what is there is not made again. Takes hours: profiles count every instruction,
and four builds compile handlers. Nothing else should run while programs are timed.
"""
import sys

# Beside this script there may be names of the standard library's modules.
sys.path.pop(0)

import json
import math
import os
import pathlib
import re
import subprocess
import tempfile

PARTS = 4
ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
OWN = ROOT / "benches/kernels"
# What else is of a family: programs that differ from it in width alone, and words in the names of packages in
# modules.txt, esbuild because it is written in Go.
SAME = {"mandel": "mandelbrot"}
RELATED = {"qjs": ["quickjs"], "sqlite": ["sql"], "zstd": ["zstd", "7z", "libarchive"], "bzip": ["7z", "libarchive"],
           "blake": ["blake3"], "lua": ["wasmoon"], "gobench": ["esbuild"]}


def family(name):
    """The family of a row or a profile."""
    word = re.split(r"[-_.]", name.split("/")[-1])[0].rstrip("0123456789")
    return SAME.get(word, word)


class Study:
    def __init__(self, folder, corpus, modules):
        self.folder, self.corpus, self.modules = folder, corpus, modules
        self.threadle = folder / "plain/release/threadle"
        for name in "programs", "modules", "lists", "results":
            (folder / name).mkdir(parents=True, exist_ok=True)

    def build_command(self):
        """The command without fused ops: profiles are of what sequences are made of."""
        environment = {**os.environ, "THREADLE_FUSED": "off", "CARGO_TARGET_DIR": str(self.folder / "plain")}
        command = ["cargo", "build", "--release", "--features", "cli", "--manifest-path", ROOT / "Cargo.toml"]
        subprocess.run(command, env=environment, check=True)

    def profile(self, name, arguments, stdin=subprocess.DEVNULL, code=0):
        path = self.folder / f"programs/{name}.sites"
        if path.exists():
            return
        print("profile", name, flush=True)
        part = path.with_suffix(".part")
        command = [self.threadle, "profile", "--sites", part, *map(str, arguments)]
        done = subprocess.run(command, stdin=stdin, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, check=False)
        if done.returncode != code:
            sys.exit(f"{name} ended with {done.returncode}: {done.stderr.decode(errors='replace')}")
        part.rename(path)

    def profiles(self):
        """The quick row of every program, the short run of every kernel."""
        for suffix, folder in ("", self.corpus / "kernels"), ("-own", OWN):
            for name, kernel in json.loads((folder / "expected.json").read_text()).items():
                run = min(kernel["runs"], key=lambda run: run.get("ops") or run.get("n") or 0)
                count = [] if run.get("n") is None else [run["n"]]
                self.profile(name + suffix, ["--invoke", "run", folder / kernel["wasm"], *count])
        wasi = self.corpus / "wasi"
        for row in json.loads((wasi / "manifest.json").read_text()):
            if row["tier"] != "test":
                continue
            with tempfile.TemporaryDirectory() as empty:
                options = ["--dir", f"{empty}::."] if row["dir"] else []
                for key, value in row["env"].items():
                    options += ["--env", f"{key}={value}"]
                arguments = [*options, wasi / row["wasm"], *row["args"]]
                stdin = open(wasi / row["stdin"], "rb") if row["stdin"] else subprocess.DEVNULL
                self.profile(row["id"], arguments, stdin, row["exit"])

    def sites(self):
        """Static code of other people's modules."""
        for number, module in enumerate(sorted(self.modules.rglob("*.wasm")) if self.modules else []):
            package = module.relative_to(self.modules).parts[0]
            path = self.folder / f"modules/{number}.{package}.sites"
            if path.exists():
                continue
            command = [ROOT / "benches/fusion/sites.py", module, "15000"]
            environment = {**os.environ, "THREADLE": str(self.threadle)}
            done = subprocess.run(command, env=environment, capture_output=True, check=False)
            # Some use what no engine is asked to have by default.
            path.write_bytes(done.stdout if done.returncode == 0 else b"")

    def parts(self):
        """The families of each part."""
        families = sorted({family(path.name) for path in (self.folder / "programs").glob("*.sites")})
        return [set(families[number::PARTS]) for number in range(PARTS)]

    def choose(self, number, held):
        """The list of a part, by the steps of docs/tuning.md."""
        path = self.folder / f"lists/{number}.txt"
        if path.exists():
            return path
        words = [word for name in held for word in RELATED.get(name, [])]
        programs = [p for p in sorted((self.folder / "programs").glob("*.sites")) if family(p.name) not in held]
        modules = [p for p in sorted((self.folder / "modules").glob("*.sites"))
                   if p.stat().st_size and not any(word in p.name.split(".", 1)[1] for word in words)]
        steps = [
            (["--only", "--sequences", "1500", "--pairs", "1600"], programs),
            (["--spread", "4500"], programs + modules),
            (["--spread", "3000"], programs + modules),
            (["--sequences", "100", "--pairs", "0"], programs),
        ]
        before = []
        for step, (options, profiles) in enumerate(steps):
            print("list", number, "step", step, flush=True)
            done = subprocess.run([self.threadle, "fuse", *before, *options, *profiles],
                                  stdout=subprocess.PIPE, check=True)
            part = path.with_suffix(f".{step}")
            part.write_bytes(done.stdout)
            before = ["--list", part]
        part.rename(path)
        return path

    def harness(self, name, features, fused=None):
        """A build of benches/peers."""
        environment = {**os.environ, "CARGO_TARGET_DIR": str(self.folder / f"build-{name}")}
        if fused:
            environment["THREADLE_FUSED_LIST"] = str(fused)
        command = ["cargo", "build", "--profile", "peers", "--no-default-features", "--features", features,
                   "--manifest-path", ROOT / "benches/peers/Cargo.toml"]
        subprocess.run(command, env=environment, check=True)
        return self.folder / f"build-{name}/peers/threadle-peers"

    def run(self):
        self.build_command()
        self.profiles()
        self.sites()
        peers = self.harness("peers", "sf,wasmi,stitch,wasm3")
        ours = [self.harness(str(number), "threadle", self.choose(number, held))
                for number, held in enumerate(self.parts())]
        listed = subprocess.run([peers, "--list", "--quick", "--corpus", self.corpus],
                                stdout=subprocess.PIPE, text=True, check=True).stdout
        rows = re.findall(r"\b(?:own|kernel|program)/[\w-]+", listed)
        for number, held in enumerate(self.parts()):
            path = self.folder / f"results/{number}.json"
            if path.exists():
                continue
            names = [row for row in rows if family(row) in held]
            part = path.with_suffix(".part")
            subprocess.run([peers, "--quick", "--runs", "3", "--corpus", self.corpus, "--json", part,
                            "--exe", f"threadle={ours[number]}", "--filter", ",".join(names)], check=True)
            part.rename(path)

    def report(self):
        """Speed over the fastest peer, of each row in the build that has not seen its family."""
        speeds = {}
        for number, held in enumerate(self.parts()):
            result = json.loads((self.folder / f"results/{number}.json").read_text())
            ours = next(at for at, engine in enumerate(result["engines"]) if engine["label"] == "threadle")
            for row in result["rows"]:
                if family(row["workload"]) in held and row["cells"][ours]["speed"]:
                    speeds[row["workload"]] = row["cells"][ours]["speed"]
        for name, speed in sorted(speeds.items(), key=lambda row: row[1]):
            print(f"{speed:5.2f}  {name}")
        groups = {"own kernels": "own/", "corpus kernels": "kernel/", "corpus programs": "program/"}
        for title, prefixes in [*((title, (prefix,)) for title, prefix in groups.items()),
                                ("corpus", ("kernel/", "program/"))]:
            logs = [math.log(speed) for name, speed in speeds.items() if name.startswith(prefixes)]
            print(f"{math.exp(sum(logs) / len(logs)):5.2f}  {title}, geometric mean of {len(logs)}")


def main():
    if len(sys.argv) not in (3, 4):
        sys.exit(__doc__)
    paths = [pathlib.Path(argument).resolve() for argument in sys.argv[1:]]
    study = Study(paths[0], paths[1], paths[2] if len(paths) > 2 else None)
    study.run()
    study.report()


if __name__ == "__main__":
    main()
