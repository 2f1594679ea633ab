//! Gives the shared library its name for the loader. Before version 1.0 every minor version may
//! change the interface, so the name has it; `install` makes the files.

use std::env::var;

fn main() {
    let part = |key: &str| var(key).unwrap_or_default();
    let (major, minor) = (part("CARGO_PKG_VERSION_MAJOR"), part("CARGO_PKG_VERSION_MINOR"));
    let abi = if major == "0" { format!("0.{minor}") } else { major };
    let name = match part("CARGO_CFG_TARGET_OS").as_str() {
        "macos" | "ios" => format!("-install_name,@rpath/libthreadle.{abi}.dylib"),
        "windows" | "none" => return,
        _ => format!("-soname,libthreadle.so.{abi}"),
    };
    println!("cargo:rustc-cdylib-link-arg=-Wl,{name}");
    println!("cargo:rerun-if-changed=build.rs");
}
