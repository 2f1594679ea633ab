#!/usr/bin/env python3
"""Makes a corpus of the programs beside this script, for benches/peers.

usage: corpus.py DIR

Needs the Rust target wasm32-wasip1 (`rustup target add wasm32-wasip1`). What the programs print is what the
same source prints when it is compiled for this machine, so that no engine is its own judge. Then, in
benches/peers:

    cargo run --profile peers --features threadle -- --corpus DIR --filter program/
"""
import sys

# Beside this script there may be names of the standard library's modules.
sys.path.pop(0)

import hashlib
import json
import os
import pathlib
import shutil
import subprocess


def main():
    here = pathlib.Path(__file__).resolve().parent
    corpus = pathlib.Path(sys.argv[1]).resolve()
    target = pathlib.Path(os.environ.get("CARGO_TARGET_DIR", here / "target")).resolve()
    build = ["cargo", "build", "--release", "--manifest-path", here / "Cargo.toml", "--target-dir", target]
    subprocess.run(build, check=True)
    subprocess.run([*build, "--target", "wasm32-wasip1"], check=True)
    for folder in "wasi/expected", "kernels":
        (corpus / folder).mkdir(parents=True, exist_ok=True)
    shutil.copy(target / "wasm32-wasip1/release/unseen.wasm", corpus / "wasi")
    native = target / "release/unseen"
    rows = []
    for name in subprocess.run([native], check=True, stdout=subprocess.PIPE, text=True).stdout.split():
        out = subprocess.run([native, name], check=True, stdout=subprocess.PIPE).stdout
        (corpus / f"wasi/expected/{name}.out").write_bytes(out)
        rows.append({
            "id": name, "wasm": "unseen.wasm", "args": [name], "stdin": None, "dir": None, "env": {},
            "tier": "bench", "exit": 0, "stdout_bytes": len(out), "stdout_sha256": hashlib.sha256(out).hexdigest(),
            "features": "", "source": "benches/unseen", "licence": "", "stresses": "", "ops": 1,
        })
    (corpus / "wasi/manifest.json").write_text(json.dumps(rows, indent=1))
    (corpus / "kernels/expected.json").write_text("{}")


main()
