//! docs/adding-an-op.md, replayed on a copy of the tree: its changes are applied in their order, its commands are
//! run, and must say what stands below them. It builds the crate several times, so it is asked for by name:
//! `.ci/run guide`.

use std::path::{Path, PathBuf};
use std::process::Command;

/// What the guide has its reader do.
#[derive(Debug, PartialEq)]
enum Step {
    /// Change a file: its name, and the lines of the change, each with its mark.
    Change(String, Vec<String>),
    /// Run a command, which must print each of these lines, or more in a line.
    Run(String, Vec<String>),
}

/// The steps of a guide: its blocks `diff` and `console`.
fn steps(guide: &str) -> Vec<Step> {
    let mut steps = Vec::new();
    let mut lines = guide.lines();
    while let Some(kind) = lines.find_map(|line| line.strip_prefix("```")) {
        let block: Vec<&str> = lines.by_ref().take_while(|line| *line != "```").collect();
        match kind {
            "diff" => {
                let file = block[0].strip_prefix("--- ").expect("a change begins with its file");
                let change = block[1..].iter().map(|line| (*line).into()).collect();
                steps.push(Step::Change(file.into(), change));
            }
            "console" => {
                for line in block {
                    match (line.strip_prefix("$ "), steps.last_mut()) {
                        (Some(command), _) => steps.push(Step::Run(command.into(), Vec::new())),
                        (None, Some(Step::Run(_, expected))) => expected.push(line.into()),
                        (None, _) => panic!("`{line}` follows no command"),
                    }
                }
            }
            _ => {}
        }
    }
    steps
}

/// A file's text with a change applied: what the change keeps and takes away must stand in it, once.
fn changed(text: &str, change: &[String]) -> String {
    let side = |left_out: char| -> String {
        let kept = change.iter().filter(|line| !line.starts_with(left_out));
        kept.map(|line| format!("{}\n", line.get(1..).unwrap_or_default())).collect()
    };
    let (old, new) = (side('+'), side('-'));
    if old.is_empty() {
        return format!("{text}{new}");
    }
    assert_eq!(text.matches(&old).count(), 1, "not once:\n{old}");
    text.replacen(&old, &new, 1)
}

/// Copies what the tree is made of, build results and history aside.
fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).expect("a folder");
    for entry in std::fs::read_dir(from).expect("a readable folder") {
        let path = entry.expect("a readable folder").path();
        let name = path.file_name().expect("an entry has a name");
        let left_out = name == ".git" || name == "target" || path.join("CACHEDIR.TAG").exists();
        match path.is_dir() {
            _ if left_out => {}
            true => copy(&path, &to.join(name)),
            false => drop(std::fs::copy(&path, to.join(name)).expect("a copy")),
        }
    }
}

/// Runs a command of the guide; what it printed.
fn run(tree: &Path, command: &str) -> String {
    let output = Command::new("sh")
        .args(["-c", command])
        .current_dir(tree)
        // Builds of their own, so that other tests find theirs; those of the steps before are used.
        .env("CARGO_TARGET_DIR", tree.join("target"))
        .env("CARGO_TERM_COLOR", "never")
        .env("THREADLE_FUSED", "off")
        .output()
        .expect("a shell");
    String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
}

#[test]
#[ignore = "builds the crate several times: .ci/run guide"]
fn an_op_is_added_as_the_guide_says() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let tree = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("guide");
    // What a run before left, but not what it built.
    for folder in ["src", "docs", "tests"] {
        let _ = std::fs::remove_dir_all(tree.join(folder));
    }
    copy(root, &tree);
    let guide = std::fs::read_to_string(root.join("docs/adding-an-op.md")).expect("the guide");
    for step in steps(&guide) {
        match step {
            Step::Change(file, change) => {
                let path = tree.join(&file);
                let text = std::fs::read_to_string(&path).unwrap_or_default();
                std::fs::write(&path, changed(&text, &change)).expect("a writable copy");
            }
            Step::Run(command, expected) => {
                let printed = run(&tree, &command);
                for line in expected {
                    assert!(
                        printed.contains(&line),
                        "`{command}` does not say `{line}`:\n{printed}"
                    );
                }
            }
        }
    }
}

#[test]
fn the_guide_has_changes_and_commands() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let guide = std::fs::read_to_string(root.join("docs/adding-an-op.md")).expect("the guide");
    let steps = steps(&guide);
    let changes = || {
        steps.iter().filter_map(|step| match step {
            Step::Change(file, change) => Some((file, change)),
            Step::Run(..) => None,
        })
    };
    assert!(changes().count() >= 4 && steps.len() - changes().count() >= 6);
    // They still fit the tree.
    for (file, change) in changes() {
        changed(&std::fs::read_to_string(root.join(file)).unwrap_or_default(), change);
    }
}
