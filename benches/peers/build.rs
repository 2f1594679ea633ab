//! Tells the harness which versions of the peers it was built with, so that a report names them.

use std::env;
use std::fs;
use std::path::PathBuf;

/// Crates whose versions a report names.
const PEERS: [&str; 5] = ["sf-nano-core", "wasmi", "makepad-stitch", "tinywasm", "wasmtime"];

fn main() {
    let mut dir = env::var_os("CARGO_MANIFEST_DIR").map(PathBuf::from).unwrap_or_default();
    let mut lock = String::new();
    loop {
        if let Ok(text) = fs::read_to_string(dir.join("Cargo.lock")) {
            println!("cargo::rerun-if-changed={}", dir.join("Cargo.lock").display());
            lock = text;
            break;
        }
        if !dir.pop() {
            break;
        }
    }
    let versions: Vec<String> = PEERS
        .iter()
        .map(|name| format!("{name} {}", version(&lock, name).unwrap_or("of unknown version")))
        .collect();
    println!("cargo::rustc-env=PEER_VERSIONS={}", versions.join(", "));
    let rustc = env::var("RUSTC").ok().and_then(|rustc| {
        let output = std::process::Command::new(rustc).arg("--version").output().ok()?;
        String::from_utf8(output.stdout).ok()
    });
    println!("cargo::rustc-env=RUSTC_VERSION={}", rustc.unwrap_or_default().trim());
}

/// The version that a lock file gives for the package `name`.
fn version<'a>(lock: &'a str, name: &str) -> Option<&'a str> {
    let header = format!("name = \"{name}\"\nversion = \"");
    lock.split_once(&header)?.1.split('"').next()
}
