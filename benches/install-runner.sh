#!/usr/bin/env bash
# Installs what benches/*.rs need to count instructions: valgrind, and the runner of iai-callgrind,
# which must have exactly the version that Cargo.toml pins. Does nothing when both are there.
set -euo pipefail
cd "$(dirname "$0")/.."

version=$(sed -n 's/^iai-callgrind = "=\(.*\)"$/\1/p' Cargo.toml)
if [ -z "$version" ]; then
    echo "install-runner: Cargo.toml does not pin iai-callgrind as \`=VERSION\`" >&2
    exit 1
fi

if ! command -v valgrind >/dev/null; then
    if ! command -v apt-get >/dev/null; then
        echo "install-runner: install valgrind with this system's package manager first" >&2
        exit 1
    fi
    as_root=()
    if [ "$(id -u)" != 0 ]; then
        as_root=(sudo)
    fi
    "${as_root[@]}" apt-get update
    "${as_root[@]}" apt-get install --yes --no-install-recommends valgrind libc6-dbg
fi

# `cargo install` itself knows whether this very version is installed.
cargo install iai-callgrind-runner --version "=$version" --locked
