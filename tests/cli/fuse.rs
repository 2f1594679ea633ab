//! `threadle fuse`: what it chooses from what `profile --sites` has written.

use threadle::isa::table::Table;

use super::*;

/// A loop whose rounds are five instructions, and a call.
const PROGRAM: &str = r#"(module
    (memory 1)
    (func $sum (param i32) (result i32)
      (local $i i32) (local $sum i32)
      (loop $again
        (local.set $sum (i32.add (local.get $sum)
          (i32.xor (i32.load (local.get $i)) (i32.shr_u (local.get $sum) (i32.const 3)))))
        (local.set $i (i32.add (local.get $i) (i32.const 4)))
        (br_if $again (i32.lt_u (local.get $i) (local.get 0))))
      (local.get $sum))
    (func (export "run") (param i32) (result i32) (call $sum (i32.mul (local.get 0) (i32.const 4)))))"#;

fn sites(name: &str) -> String {
    let sites = file(&format!("{name}.sites"), "");
    let program = file(&format!("{name}.wat"), PROGRAM);
    let ran = run(&["profile", "--sites", &sites, "--invoke", "run", &program, "1000"]);
    assert_eq!(ran.code, 0, "{}", ran.err);
    sites
}

#[test]
fn what_is_chosen_can_be_built_and_saves_dispatches() {
    if Engine::threading_form() != "direct" {
        return;
    }
    let sites = sites("chosen");
    let ran = run(&["fuse", "--only", "--sequences", "10", "--pairs", "5", &sites]);
    assert_eq!(ran.code, 0, "{}", ran.err);
    // The build script makes the table so, and panics at a list that cannot be.
    let table = Table::build(&ran.out);
    let fused: Vec<_> = table.rows.iter().filter(|row| !row.parts.is_empty()).collect();
    let lines = ran.out.lines().filter(|line| !line.starts_with('#'));
    assert_eq!(fused.len(), lines.count());
    // The round of the loop is one instruction, or two.
    assert!(fused.iter().any(|row| row.name.contains("i32_shr_u") && row.parts.len() > 3));
    let remain = ran.err.split_whitespace().rev().nth(1).expect("a share");
    let remain: f64 = remain.parse().unwrap_or_else(|_| panic!("{}", ran.err));
    assert!(remain < 0.5, "{}", ran.err);
}

#[test]
fn a_list_grows_by_what_profiles_ask_for() {
    if Engine::threading_form() != "direct" {
        return;
    }
    let sites = sites("grows");
    let list = file("grows.txt", "# a comment\nmov_ss call\n");
    let ran = run(&["fuse", "--list", &list, "--sequences", "3", "--pairs", "0", &sites]);
    assert_eq!(ran.code, 0, "{}", ran.err);
    let lines: Vec<&str> = ran.out.lines().filter(|line| !line.starts_with('#')).collect();
    assert_eq!(lines[0], "mov_ss call");
    assert!(lines.len() > 3, "{lines:?}");
    // What only one profile has is nothing for other programs.
    let ran = run(&["fuse", "--list", &list, "--spread", "10", &sites]);
    assert_eq!(ran.out.lines().filter(|line| !line.starts_with('#')).count(), 1);
    let ran = run(&["fuse", "--list", &list, "--spread", "10", &sites, &sites]);
    assert!(ran.out.lines().filter(|line| !line.starts_with('#')).count() > 3, "{}", ran.out);
}

#[test]
fn a_file_that_is_no_profile_is_named_with_its_line() {
    let bad = file("bad.sites", "0 16 i32_add_ssi 0 1 4=,4\nnot a site\n");
    let ran = run(&["fuse", &bad]);
    assert_eq!(ran.code, 1);
    assert!(ran.err.contains("bad.sites") && ran.err.contains("line 2"), "{}", ran.err);
    let bad = file("unknown.sites", "0 16 i32_addd_ssi 0 1 4=,4\n");
    assert!(run(&["fuse", &bad]).err.contains("there is no op `i32_addd_ssi`"));
    assert!(run(&["fuse", "missing.sites"]).err.contains("cannot read missing.sites"));
}
