#!/bin/bash -eu
# Builds every target with its seeds, as OSS-Fuzz wants them in $OUT.

# Sanitizers put code behind calls that should be last.
export THREADLE_DISPATCH=loop THREADLE_FUSED=off

cargo fuzz build --release
for target in bytes text api wasi differential; do
    cp "fuzz/target/x86_64-unknown-linux-gnu/release/$target" "$OUT/"
    (cd "fuzz/seeds/$target" && zip -q -r "$OUT/${target}_seed_corpus.zip" .)
done
