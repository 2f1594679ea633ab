//! Builds the fixture clean and with each planted fault, and proves that the checker tells them
//! apart: a fault fails with a message that names the handler, the rule and the instruction.

mod fixture;

use std::path::Path;

use fixture::{asm_check, build, text};

/// Verifies the fixture with one fault and asserts that `function` breaks `rule` at an
/// instruction that starts with `instruction`; returns all findings.
fn faulty(fault: &str, function: &str, rule: &str, instruction: &str) -> serde_json::Value {
    let binary = build(fault, &format!("fault_{fault}"), &[]);
    let path = binary.to_str().expect("a UTF-8 path");
    let report = asm_check(&["verify", path, "--format", "json"]);
    assert_eq!(report.status.code(), Some(1), "{}", text(&report));
    let json: serde_json::Value = serde_json::from_slice(&report.stdout).expect("JSON");
    let findings = json["findings"].as_array().expect("a list");
    let hit = findings.iter().find(|f| f["function"] == function && f["rule"] == rule);
    let hit = hit.unwrap_or_else(|| panic!("no {rule} in {function}: {json:#}"));
    let shown = hit["instruction"].as_str().expect("text");
    assert!(shown.starts_with(instruction), "{shown} is not {instruction}");
    assert!(
        findings.iter().all(|f| f["function"] == function),
        "only {function} is at fault: {findings:#?}"
    );

    // The same for people.
    let plain = text(&asm_check(&["verify", path]));
    assert!(plain.contains(&format!("{function}: {rule}: ")), "{plain}");
    assert!(plain.contains(&format!(": {instruction}")), "{plain}");
    json
}

#[test]
fn a_clean_build_passes_in_every_profile() {
    for (name, features, env) in [
        (
            "clean",
            "",
            [("CARGO_PROFILE_RELEASE_OPT_LEVEL", "3"), ("CARGO_PROFILE_RELEASE_LTO", "off")],
        ),
        (
            "clean",
            "",
            [("CARGO_PROFILE_RELEASE_OPT_LEVEL", "2"), ("CARGO_PROFILE_RELEASE_LTO", "fat")],
        ),
        (
            "clean",
            "",
            [("CARGO_PROFILE_RELEASE_OPT_LEVEL", "s"), ("CARGO_PROFILE_RELEASE_LTO", "off")],
        ),
        (
            "clean",
            "table",
            [("CARGO_PROFILE_RELEASE_OPT_LEVEL", "3"), ("CARGO_PROFILE_RELEASE_LTO", "off")],
        ),
    ] {
        let binary = build(name, features, &env);
        let report = asm_check(&["verify", binary.to_str().expect("a UTF-8 path")]);
        assert_eq!(report.status.code(), Some(0), "{env:?}: {}", text(&report));
        assert!(text(&report).contains("23 ops"), "{}", text(&report));
    }
}

#[test]
fn a_stripped_build_without_symbols_is_checked_all_the_same() {
    let strip = [("CARGO_PROFILE_RELEASE_STRIP", "symbols")];
    let clean = build("stripped", "", &strip);
    assert_eq!(
        asm_check(&["verify", clean.to_str().expect("a UTF-8 path")]).status.code(),
        Some(0)
    );
    let faulty = build("stripped-call", "fault_call", &strip);
    let report = asm_check(&["verify", faulty.to_str().expect("a UTF-8 path")]);
    assert_eq!(report.status.code(), Some(1));
    assert!(text(&report).contains("mul_s: call: "), "{}", text(&report));
}

#[test]
fn a_position_dependent_build_is_read_without_relocations() {
    let flags = [("CARGO_ENCODED_RUSTFLAGS", "-Crelocation-model=static")];
    let binary = build("static", "", &flags);
    let report = asm_check(&["verify", binary.to_str().expect("a UTF-8 path")]);
    assert_eq!(report.status.code(), Some(0), "{}", text(&report));
}

#[test]
fn a_destructor_that_lives_across_the_dispatch_is_found() {
    faulty("destructor", "add_s", "dispatch-call", "call qword ptr [");
}

#[test]
fn an_escaping_local_is_found() {
    let json = faulty("escape", "sub_s", "stack-address", "mov ");
    assert!(
        json["findings"].as_array().expect("a list").iter().any(|f| f["rule"] == "dispatch-call")
    );
}

#[test]
fn an_inlined_cold_path_is_found() {
    faulty("inlined_cold", "div_s", "cold-call", "call ");
}

#[test]
fn a_plain_call_is_found() {
    faulty("call", "mul_s", "call", "call ");
}

#[test]
fn a_recursion_is_found() {
    faulty("recursion", "xor_s", "recursion", "call xor_s");
}

#[test]
fn an_added_spill_is_found() {
    faulty("spill", "get", "push-pop", "push ");
}

#[test]
fn a_value_kept_in_the_red_zone_is_found() {
    faulty("slot", "set", "stack-access", "mov [rsp-8]");
}

#[test]
fn a_jump_table_is_found() {
    faulty("jump_table", "add_l0", "dispatch", "jmp ");
}

#[test]
fn a_pinned_register_written_before_a_guarded_access_is_found() {
    faulty("guard", "load32", "guard", "mov ");
}

#[test]
fn a_jump_to_code_without_a_name_is_found() {
    faulty("unnamed", "select_s", "exit", "jmp ");
}

#[test]
fn a_return_is_found() {
    faulty("return", "select_s", "return", "ret");
}

#[test]
fn a_trampoline_that_leaves_the_stack_deeper_is_found() {
    faulty("balance", "grow_stack", "balance", "jmp ");
}

#[test]
fn arithmetic_on_lanes_that_hold_anything_is_found() {
    faulty("lanes", "f64_add_s", "lanes", "addpd ");
}

#[test]
fn an_exception_lets_its_rule_pass_and_no_other() {
    let binary = build("return", "fault_return", &[]);
    let path = binary.to_str().expect("a UTF-8 path");
    let file = Path::new(env!("CARGO_TARGET_TMPDIR")).join("exceptions.txt");
    let verify = |text: &str| {
        std::fs::write(&file, text).expect("a writable directory");
        asm_check(&["verify", path, "--exceptions", file.to_str().expect("a UTF-8 path")])
            .status
            .code()
    };
    assert_eq!(verify("select_s return * planted here\n"), Some(0));
    assert_eq!(verify("select_s call * planted here\n"), Some(1));
    assert_eq!(verify("get return * planted here\n"), Some(1));
    assert_eq!(verify("select_s return aarch64 planted here\n"), Some(1));
    assert_eq!(verify("select_s return *\n"), Some(2));
}
