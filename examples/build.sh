#!/usr/bin/env bash
# Builds the example programs. The results are kept beside their sources, so that running them
# needs nothing of this; tests/examples.rs checks that the text ones are up to date.
#
# Needs Zig, whose C compiler brings a C library for WASI (`pip install ziglang`), and the
# `threadle` command of this repository for the text format.
set -euo pipefail
cd "$(dirname "$0")"

for program in wordfreq forth; do
    python3 -m ziglang cc -target wasm32-wasi -std=c11 -O2 -s -Wall -Wextra \
        -o "$program.wasm" "$program.c"
    chmod -x "$program.wasm"
done
BLESS=1 cargo test --release --features wat --test examples
