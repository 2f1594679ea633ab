//! Which features a script is about.

use std::path::Path;

use crate::WasmFeatures;

/// Everything that scripts may use: WebAssembly 3.0 and the proposals that this engine knows.
pub const ALL_FEATURES: WasmFeatures = WasmFeatures::WASM3
    .union(WasmFeatures::THREADS)
    .union(WasmFeatures::LEGACY_EXCEPTIONS)
    .union(WasmFeatures::CUSTOM_PAGE_SIZES)
    .union(WasmFeatures::WIDE_ARITHMETIC);

/// Folders whose scripts hold assertions that some module is refused which a later version of
/// the language allows, and the features their authors had in mind. A row for a proposal names
/// what it was written against, since each repository starts as a copy of its time's standard.
const FOLDERS: &[(&str, WasmFeatures)] = &[
    ("wasm-v1", WasmFeatures::WASM1),
    ("wasm-1.0", WasmFeatures::WASM1),
    ("wasm-v2", WasmFeatures::WASM2),
    ("wasm-2.0", WasmFeatures::WASM2),
    ("wasm-v3", WASM3),
    ("wasm-3.0", WASM3),
    ("wasm-latest", WASM3),
    ("mutable-global", WasmFeatures::WASM1),
    ("multi-value", WasmFeatures::WASM1.union(WasmFeatures::MULTI_VALUE)),
    ("sign-extension-ops", WasmFeatures::WASM2),
    ("nontrapping-float-to-int-conversions", WasmFeatures::WASM2),
    ("bulk-memory", WASM3),
    ("bulk-memory-operations", WASM3),
    ("reference-types", WasmFeatures::WASM2),
    // One of its scripts has several memories.
    ("simd", WasmFeatures::WASM2.union(WasmFeatures::MULTI_MEMORY)),
    ("threads", WasmFeatures::WASM1.union(WasmFeatures::THREADS)),
    ("memory64", WASM3.difference(WasmFeatures::MULTI_MEMORY)),
    (
        "function-references",
        WasmFeatures::WASM2
            .union(WasmFeatures::FUNCTION_REFERENCES)
            .union(WasmFeatures::TAIL_CALL)
            .union(WasmFeatures::EXTENDED_CONST),
    ),
    ("exception-handling", WASM3.union(WasmFeatures::LEGACY_EXCEPTIONS)),
    ("exceptions", WASM3.union(WasmFeatures::LEGACY_EXCEPTIONS)),
    ("legacy", WASM3.union(WasmFeatures::LEGACY_EXCEPTIONS)),
    ("custom-page-sizes", WASM3.union(WasmFeatures::CUSTOM_PAGE_SIZES)),
    ("wide-arithmetic", WASM3.union(WasmFeatures::WIDE_ARITHMETIC)),
];

/// The standard's third version; threads are a proposal beyond it.
const WASM3: WasmFeatures = WasmFeatures::WASM3.difference(WasmFeatures::THREADS);

/// The features that a script is about, going by the folders it lies in: those of the official
/// suite, and of its copies, are known by name, the innermost first. All features for others.
pub fn features_for(path: &Path) -> WasmFeatures {
    path.ancestors()
        .skip(1)
        .filter_map(|folder| folder.file_name())
        .find_map(|name| Some(FOLDERS.iter().find(|(folder, _)| name == *folder)?.1))
        .unwrap_or(ALL_FEATURES)
}
