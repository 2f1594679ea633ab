//! Golden listings: the full assembly of the functions that `sentinels.txt` names, in one
//! checked-in file per architecture, backend and threading.

use std::collections::BTreeMap;
use std::path::Path;

use crate::Failure;
use crate::commands::{read_text, write_text};
use crate::listing;
use crate::report::Survey;

/// In front of the name of each listing.
const HEAD: &str = "== ";

/// Compares the sentinels of `survey` with the file for its label in `dir`, or writes that file.
/// Returns what differs.
///
/// # Errors
/// [`Failure::Input`] where a file cannot be read or written.
pub fn check(survey: &Survey, dir: &Path, bless: bool) -> Result<Vec<String>, Failure> {
    let mut problems = Vec::new();
    let now = current(survey, dir, &mut problems)?;
    let path = dir.join(format!("{}.txt", survey.report.label));
    if bless {
        let text: String =
            now.iter().map(|(name, body)| format!("{HEAD}{name}\n{body}\n")).collect();
        write_text(&path, &text)?;
        return Ok(problems);
    }
    if !path.exists() {
        problems.push(format!(
            "there are no golden listings for {}; `--bless` writes them",
            survey.report.label
        ));
        return Ok(problems);
    }
    let before = parse(&read_text(&path)?);
    for (name, body) in &now {
        match before.get(name) {
            None => {
                problems.push(format!("{name}: golden: there is no listing yet; `--bless` adds it"))
            }
            Some(old) if old != body => {
                problems
                    .push(format!("{name}: golden: the code differs\n{}", difference(old, body)));
            }
            Some(_) => {}
        }
    }
    for name in before.keys().filter(|name| !now.iter().any(|(n, _)| n == *name)) {
        problems.push(format!("{name}: golden: no sentinel any more; `--bless` drops it"));
    }
    Ok(problems)
}

/// Names and listings of the sentinels, in the order of their file. Names that do not exist go
/// to `problems`.
fn current(
    survey: &Survey,
    dir: &Path,
    problems: &mut Vec<String>,
) -> Result<Vec<(String, String)>, Failure> {
    let mut listings = Vec::new();
    for name in read_text(&dir.join("sentinels.txt"))?.lines().map(str::trim) {
        if name.is_empty() || name.starts_with('#') {
            continue;
        }
        match survey.checked.iter().find(|c| c.function.names.iter().any(|n| n == name)) {
            Some(checked) => {
                let body = listing::render(&listing::lines(&survey.program, checked));
                listings.push((name.to_string(), without_addresses(&body)));
            }
            None => problems.push(format!(
                "{name}: golden: sentinels.txt names it, but there is no such function"
            )),
        }
    }
    Ok(listings)
}

/// A listing with what stands for the contents of data left out: it may be an address, which is another
/// one in every binary.
fn without_addresses(body: &str) -> String {
    let mut parts = body.split("[const 0x");
    let mut out = parts.next().unwrap_or_default().to_string();
    for part in parts {
        out += "[const";
        out += part.trim_start_matches(|digit: char| digit.is_ascii_hexdigit());
    }
    out
}

fn parse(text: &str) -> BTreeMap<String, String> {
    let mut listings = BTreeMap::new();
    for section in text.split(&format!("\n{HEAD}")) {
        let section = section.strip_prefix(HEAD).unwrap_or(section);
        if let Some((name, body)) = section.split_once('\n') {
            listings.insert(name.to_string(), format!("{}\n", body.trim_end_matches('\n')));
        }
    }
    listings
}

/// A line-by-line comparison: lines of `old` only with `-`, of `new` only with `+`.
fn difference(old: &str, new: &str) -> String {
    let (old, new): (Vec<&str>, Vec<&str>) = (old.lines().collect(), new.lines().collect());
    // common[i][j]: length of the longest common subsequence of old[i..] and new[j..].
    let mut common = vec![vec![0usize; new.len() + 1]; old.len() + 1];
    for i in (0..old.len()).rev() {
        for j in (0..new.len()).rev() {
            common[i][j] = if old[i] == new[j] {
                common[i + 1][j + 1] + 1
            } else {
                common[i + 1][j].max(common[i][j + 1])
            };
        }
    }
    let (mut i, mut j) = (0, 0);
    let mut out = String::new();
    while i < old.len() || j < new.len() {
        if i < old.len() && j < new.len() && old[i] == new[j] {
            out += &format!("    {}\n", old[i]);
            (i, j) = (i + 1, j + 1);
        } else if j == new.len() || (i < old.len() && common[i + 1][j] >= common[i][j + 1]) {
            out += &format!("  - {}\n", old[i]);
            i += 1;
        } else {
            out += &format!("  + {}\n", new[j]);
            j += 1;
        }
    }
    out.trim_end().to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sections_are_found_by_name() {
        let listings = parse("== a\n  mov\n.1:\n  jmp\n\n== b\n  ret\n\n");
        assert_eq!(listings["a"], "  mov\n.1:\n  jmp\n");
        assert_eq!(listings["b"], "  ret\n");
    }

    #[test]
    fn contents_of_data_are_left_out() {
        let body = "mov rdi,[const 0x00000000003f]  ; x\ncall [const 0x1]\n";
        assert_eq!(without_addresses(body), "mov rdi,[const]  ; x\ncall [const]\n");
        assert_eq!(without_addresses("ret\n"), "ret\n");
    }

    #[test]
    fn difference_marks_what_came_and_went() {
        assert_eq!(difference("a\nb\nc\n", "a\nx\nc\n"), "    a\n  - b\n  + x\n    c");
    }
}
