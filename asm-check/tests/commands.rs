//! The commands, run on the clean fixture.

mod fixture;

use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::OnceLock;

use fixture::{asm_check, text};

/// The fixture with these features.
fn build(name: &str, features: &str) -> String {
    let binary = fixture::build(&format!("commands-{name}"), features, &[]);
    binary.to_str().expect("a UTF-8 path").to_string()
}

fn clean() -> &'static str {
    static BINARY: OnceLock<String> = OnceLock::new();
    BINARY.get_or_init(|| build("clean", ""))
}

fn json(output: &Output) -> serde_json::Value {
    serde_json::from_slice(&output.stdout).expect("JSON")
}

/// A fresh directory for checked-in files.
fn root(name: &str, sentinels: &str) -> PathBuf {
    let root = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("root-{name}"));
    let _ = std::fs::remove_dir_all(&root);
    std::fs::create_dir_all(root.join("asm-check/golden")).expect("a writable directory");
    std::fs::write(root.join("asm-check/golden/sentinels.txt"), sentinels)
        .expect("a writable directory");
    root
}

#[test]
fn show_explains_an_op() {
    let shown = text(&asm_check(&["show", "add_l0", clean()]));
    assert!(
        shown.starts_with(
            "add_l0  (handler, family numeric, 8 bytes in the stream)\n  acc := acc + l0\n"
        ),
        "{shown}"
    );
    assert!(shown.contains("13 bytes, 4 instructions; hot path 4; leaves to dispatch"), "{shown}");
    assert!(shown.contains("add rcx,r8") && shown.contains("; add acc,l0"), "{shown}");
    assert!(shown.contains("; dispatch"), "{shown}");
}

#[test]
fn show_gives_scratch_registers_no_role() {
    let shown = text(&asm_check(&["show", "div_s", clean()]));
    // The division needs rdx, which holds `mem` before and after.
    assert!(shown.lines().any(|line| line.trim() == "xor edx,edx"), "{shown}");
    assert!(
        shown.contains("jmp div_by_zero") && shown.contains("; continuation  ; cold"),
        "{shown}"
    );
}

#[test]
fn show_as_json_has_the_documented_fields() {
    let shown = json(&asm_check(&["show", "jump_lt", clean(), "--format", "json"]));
    assert_eq!(shown["schema"], 1);
    assert_eq!(shown["function"]["name"], "jump_lt");
    assert_eq!(shown["function"]["stream_bytes"], 24);
    let lines = shown["lines"].as_array().expect("a list");
    assert_eq!(lines.len() as u64, shown["function"]["instructions"].as_u64().expect("a number"));
    assert!(lines.iter().any(|line| line["label"] == ".1"));
    assert_eq!(lines.last().expect("a line")["note"], "dispatch");
}

#[test]
fn an_unknown_op_is_refused_with_near_names() {
    let output = asm_check(&["show", "jump_", clean()]);
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&output.stderr).contains("did you mean jump_if, jump_lt?"));
}

#[test]
fn list_by_cost_puts_the_dearest_first() {
    let listed = text(&asm_check(&["list", "--sort", "cost", clean()]));
    let costs: Vec<usize> = listed
        .lines()
        .skip(1)
        .map(|line| {
            line.split_whitespace()
                .next()
                .and_then(|n| n.trim_end_matches('+').parse().ok())
                .expect("a cost")
        })
        .collect();
    assert!(costs.len() >= 20 && costs.is_sorted_by(|a, b| a >= b), "{listed}");
}

#[test]
fn list_as_json_holds_every_op_once() {
    let listed = json(&asm_check(&["list", "--format", "json", clean()]));
    let functions = listed["functions"].as_array().expect("a list");
    let mut opcodes: Vec<u64> = functions
        .iter()
        .flat_map(|f| f["opcodes"].as_array().expect("a list"))
        .map(|opcode| opcode.as_u64().expect("a number"))
        .collect();
    opcodes.sort_unstable();
    assert_eq!(opcodes, (0..23).collect::<Vec<_>>());
}

#[test]
fn diff_reports_growth_and_new_faults() {
    let worse = build("spill", "fault_spill");
    let same = asm_check(&["diff", clean(), clean()]);
    assert_eq!(same.status.code(), Some(0), "{}", text(&same));

    let output = asm_check(&["diff", clean(), &worse]);
    assert_eq!(output.status.code(), Some(1));
    assert!(text(&output).contains("new: get: push-pop: "), "{}", text(&output));
    let output = json(&asm_check(&["diff", clean(), &worse, "--format", "json"]));
    let change = &output["changes"][0];
    assert_eq!(change["name"], "get");
    assert!(change["hot"][1].as_u64() > change["hot"][0].as_u64());

    // The way back is an improvement.
    assert_eq!(asm_check(&["diff", &worse, clean()]).status.code(), Some(0));
}

#[test]
fn diff_takes_a_saved_report_as_base() {
    let saved = Path::new(env!("CARGO_TARGET_TMPDIR")).join("saved.json");
    std::fs::write(&saved, asm_check(&["list", "--format", "json", clean()]).stdout)
        .expect("a writable directory");
    let output = asm_check(&["diff", saved.to_str().expect("a UTF-8 path"), clean()]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output));
}

#[test]
fn golden_listings_are_written_compared_and_missed() {
    let root = root("golden", "# head\nadd_l0\nhost\nrun\n");
    let root_arg = root.to_str().expect("a UTF-8 path");
    let golden = |extra: &[&str]| {
        let mut args = vec!["golden", clean(), "--root", root_arg];
        args.extend(extra);
        asm_check(&args)
    };
    assert_eq!(golden(&[]).status.code(), Some(1), "no listings yet");
    assert_eq!(golden(&["--bless"]).status.code(), Some(0));
    assert_eq!(golden(&[]).status.code(), Some(0));

    let file = root.join("asm-check/golden/x86_64-sibling-direct.txt");
    let listings = std::fs::read_to_string(&file).expect("it was written");
    assert!(listings.contains("== host\n") && listings.contains("add rcx,r8"), "{listings}");
    std::fs::write(&file, listings.replace("add rcx,r8", "add rcx,r9")).expect("writable");
    let changed = golden(&[]);
    assert_eq!(changed.status.code(), Some(1));
    assert!(text(&changed).contains("add_l0: golden: the code differs"), "{}", text(&changed));
    assert!(
        text(&changed).lines().any(|line| line.starts_with("  + ") && line.contains("add rcx,r8"))
    );
}

#[test]
fn a_sentinel_that_does_not_exist_fails() {
    let root = root("sentinel", "gone\n");
    let output =
        asm_check(&["golden", clean(), "--bless", "--root", root.to_str().expect("a UTF-8 path")]);
    assert_eq!(output.status.code(), Some(1));
    assert!(text(&output).contains("gone: golden:"), "{}", text(&output));
}

#[test]
fn files_that_cannot_be_checked_have_an_exit_code_of_their_own() {
    let missing = asm_check(&["verify", "no/such/file"]);
    assert_eq!(missing.status.code(), Some(3));
    let manifest = fixture::folder().join("Cargo.toml");
    let no_elf = asm_check(&["verify", manifest.to_str().expect("a UTF-8 path")]);
    assert_eq!(no_elf.status.code(), Some(3));
    assert!(String::from_utf8_lossy(&no_elf.stderr).contains("not a 64-bit ELF file"));
    // The checker's own test binary has no interpreter loop in it.
    assert_eq!(asm_check(&["--no-such-option"]).status.code(), Some(2));
}

#[test]
fn damaged_files_are_refused_without_a_panic() {
    let bytes = std::fs::read(clean()).expect("the fixture");
    let file = Path::new(env!("CARGO_TARGET_TMPDIR")).join("damaged");
    // Cut at many lengths, and with a byte flipped at many places in headers and descriptor.
    let at_descriptor =
        bytes.windows(16).position(|w| w == b"threadle-ops-v1\0").expect("a descriptor");
    let mut variants: Vec<Vec<u8>> =
        (1..24).map(|n| bytes[..bytes.len() * n / 24].to_vec()).collect();
    for at in (0..64).chain(at_descriptor..at_descriptor + 56) {
        let mut changed = bytes.clone();
        changed[at] ^= 0xff;
        variants.push(changed);
    }
    for variant in variants {
        std::fs::write(&file, variant).expect("a writable directory");
        let output = asm_check(&["verify", file.to_str().expect("a UTF-8 path")]);
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert!(!stderr.contains("panicked"), "{stderr}");
        assert!(matches!(output.status.code(), Some(0 | 1 | 3)), "{stderr}");
    }
}

#[test]
fn a_binary_from_another_op_table_is_checked_under_symbol_names() {
    let ops = Path::new(env!("CARGO_TARGET_TMPDIR")).join("other.tsv");
    std::fs::write(&ops, "something\n").expect("a writable directory");
    let output = Command::new(env!("CARGO_BIN_EXE_asm-check"))
        .args(["verify", clean(), "--format", "json", "--ops"])
        .arg(&ops)
        .output()
        .expect("asm-check runs");
    let report = json(&output);
    assert_eq!(report["names_from"], "symbols");
    assert!(report["functions"].as_array().expect("a list").iter().any(|f| f["name"] == "add_l0"));
    assert_eq!(report["notices"].as_array().expect("a list").len(), 1);
}
