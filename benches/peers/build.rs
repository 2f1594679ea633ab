//! Tells the harness which versions of the peers it was built with, so that a report names them, and
//! compiles the one that is written in C.

use std::env;
use std::fs;
use std::path::PathBuf;

/// Crates whose versions a report names.
const PEERS: [&str; 6] =
    ["sf-nano-core", "wasmi", "makepad-stitch", "wasm3x-sys", "tinywasm", "wasmtime"];

fn main() {
    #[cfg(feature = "wasm3")]
    compile_wasm3();
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

/// Compiles wasm3 with the flags of its own release builds, from the sources that come with a package
/// of the registry.
#[cfg(feature = "wasm3")]
fn compile_wasm3() {
    let cargo = env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let output = std::process::Command::new(cargo)
        .args(["metadata", "--format-version", "1", "--locked"])
        .output()
        .expect("run cargo metadata");
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "cargo metadata: {error}");
    let metadata: serde_json::Value =
        serde_json::from_slice(&output.stdout).expect("read cargo metadata");
    let packages = metadata["packages"].as_array().expect("packages");
    let package = packages.iter().find(|package| package["name"] == "wasm3x-sys");
    let manifest = package.and_then(|package| package["manifest_path"].as_str());
    let source = PathBuf::from(manifest.expect("wasm3x-sys")).with_file_name("wasm3/source");
    let files = fs::read_dir(&source).expect("read the sources of wasm3");
    let files = files
        .filter_map(|entry| Some(entry.ok()?.path()))
        // The interfaces to libraries of others, which the harness has no use for.
        .filter(|path| path.extension().is_some_and(|it| it == "c"))
        .filter(|path| !path.file_name().is_some_and(|it| it.to_string_lossy().contains("_api_")));
    cc::Build::new()
        .files(files)
        .include(&source)
        .define("d_m3LogOutput", "0")
        .define("NDEBUG", None)
        .opt_level(3)
        .debug(false)
        .flag_if_supported("-fomit-frame-pointer")
        .flag_if_supported("-fno-stack-check")
        .flag_if_supported("-fno-stack-protector")
        .warnings(false)
        .compile("wasm3");
}
