#!/bin/sh
# Rebuilds the modules with debug information; needs Rust's target wasm32-unknown-unknown and Zig as a C
# compiler (`python3 -m pip install ziglang`).
set -eu
cd "$(dirname "$0")"
rustc --edition 2024 --target wasm32-unknown-unknown --crate-type cdylib -O -g -C panic=abort \
    --remap-path-prefix="$PWD=." trap.rs -o trap-rs.wasm
python3 -m ziglang cc -target wasm32-freestanding -nostdlib -Wl,--no-entry -O1 -g \
    -fdebug-prefix-map="$PWD=." -ffile-prefix-map="$PWD=." trap.c -o trap-c.wasm
python3 -m ziglang cc -target wasm32-freestanding -nostdlib -Wl,--no-entry -Wl,--export=total -O0 -g \
    -fno-sanitize=undefined -fno-stack-protector -fdebug-prefix-map="$PWD=." -ffile-prefix-map="$PWD=." count.c -o count.wasm
