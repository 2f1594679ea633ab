//! Options that configure the engine, common to all commands.

use std::time::Duration;

use clap::Args;
use threadle::{CompilationMode, Config, WasmBacktraceDetails, WasmFeatures};

/// Features by the names of their proposals.
const FEATURES: &[(&str, WasmFeatures)] = &[
    ("mutable-global", WasmFeatures::MUTABLE_GLOBAL),
    ("sign-extension", WasmFeatures::SIGN_EXTENSION),
    ("saturating-float-to-int", WasmFeatures::SATURATING_FLOAT_TO_INT),
    ("multi-value", WasmFeatures::MULTI_VALUE),
    ("bulk-memory", WasmFeatures::BULK_MEMORY),
    ("reference-types", WasmFeatures::REFERENCE_TYPES),
    ("simd", WasmFeatures::SIMD),
    ("relaxed-simd", WasmFeatures::RELAXED_SIMD),
    ("tail-call", WasmFeatures::TAIL_CALL),
    ("extended-const", WasmFeatures::EXTENDED_CONST),
    ("multi-memory", WasmFeatures::MULTI_MEMORY),
    ("memory64", WasmFeatures::MEMORY64),
    ("function-references", WasmFeatures::FUNCTION_REFERENCES),
    ("gc", WasmFeatures::GC.union(WasmFeatures::FUNCTION_REFERENCES)),
    ("exceptions", WasmFeatures::EXCEPTIONS),
    ("legacy-exceptions", WasmFeatures::LEGACY_EXCEPTIONS),
    ("threads", WasmFeatures::THREADS),
    ("custom-page-sizes", WasmFeatures::CUSTOM_PAGE_SIZES),
    ("wide-arithmetic", WasmFeatures::WIDE_ARITHMETIC),
];

/// All features, one by one.
pub fn feature_flags() -> impl Iterator<Item = WasmFeatures> {
    FEATURES.iter().map(|(_, flags)| *flags)
}

/// The names of `features`.
pub fn feature_names(features: WasmFeatures) -> Vec<&'static str> {
    FEATURES.iter().filter(|(_, flags)| features.contains(*flags)).map(|(name, _)| *name).collect()
}

/// What features are switched on and off, in order.
#[derive(Clone)]
pub struct Features(Vec<(WasmFeatures, bool)>);

fn features(list: &str) -> Result<Features, String> {
    let all = FEATURES.iter().fold(WasmFeatures::empty(), |all, (_, flags)| all | *flags);
    let mut features = Vec::new();
    for name in list.split(',').map(str::trim).filter(|name| !name.is_empty()) {
        let (plain, enable) = match name.strip_prefix('-') {
            Some(plain) => (plain, false),
            None => (name, true),
        };
        match plain {
            "all" => features.push((all, enable)),
            // Versions of the standard: exactly these features.
            "wasm1" | "wasm2" | "wasm3" if enable => {
                features.push((all, false));
                let version = match plain {
                    "wasm1" => WasmFeatures::WASM1,
                    "wasm2" => WasmFeatures::WASM2,
                    _ => WasmFeatures::WASM3.difference(WasmFeatures::THREADS),
                };
                features.push((version, true));
            }
            _ => match FEATURES.iter().find(|(known, _)| *known == plain) {
                Some((_, flags)) => features.push((*flags, enable)),
                None => {
                    let known: Vec<_> = FEATURES.iter().map(|(name, _)| *name).collect();
                    return Err(format!(
                        "no feature `{name}`; known are all, wasm1, wasm2, wasm3, {}",
                        known.join(", ")
                    ));
                }
            },
        }
    }
    Ok(Features(features))
}

/// A number of bytes, with an optional K, M or G for powers of 1024.
pub fn bytes(text: &str) -> Result<usize, String> {
    let (digits, shift) = match text.as_bytes().last().map(u8::to_ascii_uppercase) {
        Some(b'K') => (&text[..text.len() - 1], 10),
        Some(b'M') => (&text[..text.len() - 1], 20),
        Some(b'G') => (&text[..text.len() - 1], 30),
        _ => (text, 0),
    };
    let number = digits.parse::<usize>().ok();
    let bytes = number.and_then(|number| number.checked_mul(1 << shift));
    bytes.ok_or_else(|| "expected a number of bytes such as 65536, 64K or 1G".into())
}

/// Units of time by their names, in seconds. Longer names stand ahead of those they end in.
const UNITS: [(&str, f64); 6] =
    [("ns", 1e-9), ("us", 1e-6), ("ms", 1e-3), ("s", 1.0), ("m", 60.0), ("h", 3600.0)];

/// A span of time: a number of seconds, or of the unit behind it.
pub fn duration(text: &str) -> Result<Duration, String> {
    let unit = UNITS.iter().find_map(|(name, unit)| Some((text.strip_suffix(name)?, *unit)));
    let (digits, unit) = unit.unwrap_or((text, 1.0));
    // The parser would also take signs, names and exponents.
    let plain = digits.starts_with(|c: char| c.is_ascii_digit())
        && digits.chars().all(|c| c.is_ascii_digit() || c == '.');
    let seconds = digits.parse::<f64>().ok().filter(|_| plain).map(|number| number * unit);
    let duration = seconds.and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
    duration.ok_or_else(|| "expected a duration such as 500ms, 2.5s, 10m or 1h".into())
}

/// Options of every command.
#[derive(Args, Clone)]
pub struct EngineOptions {
    /// Switch features on, or off with a leading `-`: a comma-separated list of proposals' names,
    /// `all`, `wasm1`, `wasm2` or `wasm3`. Comes on top of the default features
    #[arg(long, value_name = "LIST", value_parser = features, allow_hyphen_values = true)]
    wasm_features: Vec<Features>,

    /// Translate all functions before running, instead of each when it is first called
    #[arg(long)]
    eager: bool,

    /// Validate each function when it is first called, too: the quickest start. An invalid one fails
    /// when it is called
    #[arg(long, conflicts_with = "eager")]
    lazy_validation: bool,

    /// Compare every memory access with the memory's size, instead of relying on guard pages
    #[arg(long)]
    explicit_bounds_checks: bool,

    /// Size of the stack that WebAssembly's calls live on (default 8M)
    #[arg(long, value_name = "BYTES", value_parser = bytes)]
    stack_size: Option<usize>,
}

impl EngineOptions {
    /// A configuration with `features` unless the options say otherwise.
    pub fn config(&self, features: Option<WasmFeatures>) -> Config {
        let mut config = Config::new();
        // On unless it was switched off: whoever runs a program by hand wants to know where it failed.
        if std::env::var_os("THREADLE_BACKTRACE_DETAILS").is_none_or(|value| value != "0") {
            config.wasm_backtrace_details(WasmBacktraceDetails::Enable);
        }
        if let Some(features) = features {
            config.wasm_features(WasmFeatures::all(), false);
            config.wasm_features(features, true);
        }
        for (flags, enable) in self.wasm_features.iter().flat_map(|features| &features.0) {
            config.wasm_features(*flags, *enable);
        }
        if self.eager {
            config.compilation_mode(CompilationMode::Eager);
        }
        if self.lazy_validation {
            config.compilation_mode(CompilationMode::LazyValidation);
        }
        if self.explicit_bounds_checks {
            config.signals_based_traps(false);
        }
        if let Some(bytes) = self.stack_size {
            config.max_wasm_stack(bytes);
        }
        config
    }

    /// Whether the options say anything about features.
    pub fn chooses_features(&self) -> bool {
        !self.wasm_features.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn byte_counts_take_binary_suffixes_and_refuse_overflow() {
        assert_eq!(bytes("123"), Ok(123));
        assert_eq!(bytes("4k"), Ok(4096));
        assert_eq!(bytes("2M"), Ok(2 << 20));
        for bad in ["", "K", "-1", "1.5M", "17179869184G", "1T", "é"] {
            assert!(bytes(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn durations_have_units_or_are_seconds() {
        assert_eq!(duration("2"), Ok(Duration::from_secs(2)));
        assert_eq!(duration("1.5s"), Ok(Duration::from_millis(1500)));
        assert_eq!(duration("250ms"), Ok(Duration::from_millis(250)));
        assert_eq!(duration("250us"), Ok(Duration::from_micros(250)));
        assert_eq!(duration("4ns"), Ok(Duration::from_nanos(4)));
        assert_eq!(duration("3m"), Ok(Duration::from_secs(180)));
        assert_eq!(duration("1h"), Ok(Duration::from_secs(3600)));
        let long = "9".repeat(400);
        for bad in ["", "s", "-1", "+1", "inf", "nan", "1e3", "1..2", "1 s", "5d", ".5", &long] {
            assert!(duration(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn feature_lists_apply_in_order() {
        let list = features("all,-simd").unwrap().0;
        assert_eq!(list.last(), Some(&(WasmFeatures::SIMD, false)));
        assert!(features("simd,flying").is_err());
        assert!(features("-wasm2").is_err());
    }
}
