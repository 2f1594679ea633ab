//! The commands.

use std::collections::BTreeMap;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use serde::Serialize;

use crate::Failure;
use crate::budget::{Budget, SEAM};
use crate::builds::Config;
use crate::cli::{Cli, Command, Common, Format, Matrix, Sort};
use crate::exceptions::Exceptions;
use crate::golden;
use crate::listing::{self, Line};
use crate::ops::OpTable;
use crate::prebuild;
use crate::program::Program;
use crate::report::{FunctionReport, Report, SCHEMA, Survey};

/// The exceptions that the checker was built with.
const EXCEPTIONS: &str = include_str!("../exceptions.txt");

/// Where output goes.
pub type Out<'a> = &'a mut dyn Write;

/// Carries out a command line. `linked` is the op table of the Threadle that the checker is
/// linked with. Returns whether nothing is wrong.
///
/// # Errors
/// Any [`Failure`].
pub fn run(cli: &Cli, linked: OpTable, out: Out<'_>) -> Result<bool, Failure> {
    let common = &cli.common;
    let table = match &common.ops {
        Some(path) => OpTable::parse(&read_text(path)?)?,
        None => linked,
    };
    let tool = Tool { common, table };
    match &cli.command {
        None => tool.check(&cli.matrix, cli.bless, out),
        Some(Command::Verify { binary }) => tool.verify(binary, out),
        Some(Command::Show { op, binary }) => tool.show(op, binary.as_deref(), out),
        Some(Command::List { binary, sort }) => tool.list(binary.as_deref(), *sort, out),
        Some(Command::Prebuild { check }) => tool.prebuild(*check, out),
        Some(Command::Diff { base, new }) => tool.diff(base, new.as_deref(), out),
        Some(Command::Golden { binary, bless }) => tool.golden(binary.as_deref(), *bless, out),
        Some(Command::Ops) => {
            print(out, &tool.table.to_text())?;
            Ok(true)
        }
    }
}

struct Tool<'a> {
    common: &'a Common,
    table: OpTable,
}

/// What a full check prints as JSON.
#[derive(Serialize)]
struct CheckReport {
    schema: u32,
    pass: bool,
    problems: Vec<String>,
    notices: Vec<String>,
    builds: Vec<Report>,
}

/// What `show` prints as JSON.
#[derive(Serialize)]
struct ShowReport {
    schema: u32,
    label: String,
    function: FunctionReport,
    lines: Vec<ShowLine>,
}

#[derive(Serialize)]
struct ShowLine {
    label: Option<String>,
    offset: u64,
    text: String,
    roles: Option<String>,
    hot: bool,
    note: Option<String>,
}

/// One function of a comparison.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
struct Change {
    name: String,
    hot: [Option<usize>; 2],
    bytes: [Option<u64>; 2],
}

/// What `diff` prints as JSON.
#[derive(Serialize)]
struct DiffReport {
    schema: u32,
    pass: bool,
    base: String,
    new: String,
    bytes: [u64; 2],
    hot_median: [usize; 2],
    changes: Vec<Change>,
    new_findings: Vec<String>,
}

impl Tool<'_> {
    fn exceptions(&self) -> Result<Exceptions, Failure> {
        match &self.common.exceptions {
            Some(path) => Exceptions::parse(&read_text(path)?),
            None => Exceptions::parse(EXCEPTIONS),
        }
    }

    fn survey(
        &self,
        path: &Path,
        bytes: &[u8],
        options: &[String],
        exceptions: &mut Exceptions,
    ) -> Result<Survey, Failure> {
        let program = Program::parse(bytes, &self.table)?;
        Survey::new(program, &path.display().to_string(), options, exceptions)
    }

    /// The survey of a file.
    fn survey_file(&self, path: &Path) -> Result<Survey, Failure> {
        let bytes =
            fs::read(path).map_err(|e| Failure::Unreadable(format!("{}: {e}", path.display())))?;
        self.survey(path, &bytes, &[], &mut self.exceptions()?)
    }

    /// The survey of a binary, or of a plain release build where none is given.
    fn survey_or_build(&self, binary: Option<&Path>) -> Result<Survey, Failure> {
        let path = match binary {
            Some(path) => path.to_path_buf(),
            None => self.common.workspace().build(&Config::default())?,
        };
        self.survey_file(&path)
    }

    fn text(&self) -> bool {
        self.common.format == Format::Text
    }

    // ---- check and verify ----

    fn check(&self, matrix: &Matrix, bless: bool, out: Out<'_>) -> Result<bool, Failure> {
        let workspace = self.common.workspace();
        let mut exceptions = self.exceptions()?;
        let mut all = CheckReport {
            schema: SCHEMA,
            pass: true,
            problems: vec![],
            notices: vec![],
            builds: vec![],
        };
        let (missing, configs): (Vec<_>, Vec<_>) =
            matrix.configs().into_iter().partition(|config| {
                config.needs_nightly() && matrix.skip_missing_toolchain && !workspace.has_nightly()
            });
        if !missing.is_empty() {
            all.notices.push(format!(
                "{} is not installed: no `become` build was checked",
                workspace.nightly
            ));
        }
        workspace.build_all(&configs, matrix.jobs, |config, path, bytes| {
            let mut survey = self.survey(path, bytes, &config.words(), &mut exceptions)?;
            if let Some(wanted) =
                config.backend.as_ref().filter(|b| *b != survey.program.descriptor.backend.name())
            {
                survey.problem(format!("the build was to use the {wanted} backend and does not"));
            }
            if config.is_plain() {
                self.compare_budget(&mut survey, bless)?;
                let problems = golden::check(&survey, &self.golden_dir(), bless)?;
                problems.into_iter().for_each(|problem| survey.problem(problem));
            }
            if self.text() {
                print(out, &survey.report.to_text())?;
            }
            all.pass &= survey.report.pass;
            all.builds.push(survey.report);
            Ok(())
        })?;
        // Whether an exception is needed is known only if something was looked at.
        let no_fused = configs.iter().all(|config| config.fused.as_deref() == Some("off"));
        for exception in exceptions.unneeded() {
            if no_fused && exception.function.contains(SEAM) {
                // Of a fused op, which no build has.
                continue;
            }
            all.pass = false;
            all.problems.push(format!(
                "{}: exception: no build needs the exception from `{}` in line {} of exceptions.txt; remove it",
                exception.function,
                exception.rule.name(),
                exception.line
            ));
        }
        if self.text() {
            for line in all
                .notices
                .iter()
                .map(|n| format!("note: {n}\n"))
                .chain(all.problems.iter().map(|p| format!("{p}\n")))
            {
                print(out, &line)?;
            }
            let failed = all.builds.iter().filter(|b| !b.pass).count()
                + usize::from(!all.problems.is_empty());
            let passed = all.builds.iter().filter(|b| b.pass).count();
            print(out, &format!("asm-check: {passed} builds passed, {failed} failed\n"))?;
        } else {
            print_json(out, &all)?;
        }
        Ok(all.pass)
    }

    fn compare_budget(&self, survey: &mut Survey, bless: bool) -> Result<(), Failure> {
        let path =
            self.common.root().join(format!("asm-check/budgets/{}.txt", survey.report.label));
        let now = Budget::measure(&survey.report.functions);
        if bless {
            write_text(&path, &now.to_text(&survey.report.label))?;
            survey.report.notices.push(format!("wrote {}", path.display()));
            return Ok(());
        }
        if !path.exists() {
            survey.problem(format!(
                "there are no budgets for {}; `--bless` writes them",
                survey.report.label
            ));
            return Ok(());
        }
        let verdict = Budget::parse(&read_text(&path)?)?.compare(&now);
        if !verdict.slack.is_empty() {
            survey.report.notices.push(format!(
                "{} budgets can be tightened with `--bless`: {}",
                verdict.slack.len(),
                shorten(&verdict.slack, 8)
            ));
        }
        verdict.problems.into_iter().for_each(|problem| survey.problem(problem));
        Ok(())
    }

    fn verify(&self, binary: &Path, out: Out<'_>) -> Result<bool, Failure> {
        let survey = self.survey_file(binary)?;
        if self.text() {
            print(out, &survey.report.to_text())?;
        } else {
            print_json(out, &survey.report)?;
        }
        Ok(survey.report.pass)
    }

    // ---- show and list ----

    fn show(&self, op: &str, binary: Option<&Path>, out: Out<'_>) -> Result<bool, Failure> {
        let survey = self.survey_or_build(binary)?;
        let index =
            survey.checked.iter().position(|c| c.function.names.iter().any(|name| name == op));
        let Some(index) = index else {
            let names = survey
                .checked
                .iter()
                .flat_map(|c| &c.function.names)
                .filter(|name| name.contains(op));
            let near: Vec<String> = names.take(12).cloned().collect();
            let hint = if near.is_empty() {
                String::new()
            } else {
                format!("; did you mean {}?", near.join(", "))
            };
            return Err(Failure::Input(format!("there is no op or function {op}{hint}")));
        };
        let checked = &survey.checked[index];
        let mut function = survey.report.functions[index].clone();
        // Of several ops with this code, describe the one that was asked for.
        if let Some(&opcode) =
            checked.function.opcodes.iter().find(|&&opcode| survey.program.ops[opcode].name == op)
        {
            let row = &survey.program.ops[opcode];
            function.family.clone_from(&row.family);
            function.effect.clone_from(&row.effect);
            function.stream_bytes = row.size;
        }
        let lines = listing::lines(&survey.program, checked);
        if self.text() {
            print(out, &show_text(op, &function, &lines))?;
            for finding in survey.report.findings.iter().filter(|f| f.function == function.name) {
                print(
                    out,
                    &format!(
                        "  {}: {} at +{:#x}: {}\n",
                        finding.rule, finding.message, finding.offset, finding.instruction
                    ),
                )?;
            }
        } else {
            let lines = lines.into_iter().map(ShowLine::from).collect();
            print_json(
                out,
                &ShowReport { schema: SCHEMA, label: survey.report.label.clone(), function, lines },
            )?;
        }
        Ok(true)
    }

    fn list(&self, binary: Option<&Path>, sort: Sort, out: Out<'_>) -> Result<bool, Failure> {
        let mut survey = self.survey_or_build(binary)?;
        let functions = &mut survey.report.functions;
        functions.sort_by(|a, b| a.name.cmp(&b.name));
        match sort {
            Sort::Name => {}
            Sort::Cost => functions.sort_by_key(|f| std::cmp::Reverse(f.hot_longest)),
            Sort::Size => functions.sort_by_key(|f| std::cmp::Reverse(f.bytes)),
        }
        if !self.text() {
            print_json(out, &survey.report)?;
            return Ok(true);
        }
        let mut text = String::from(" hot  min  bytes  kind        name\n");
        for f in functions.iter() {
            let loops = if f.loops { "+" } else { " " };
            let aliases = match f.aliases.len() {
                0 => String::new(),
                more => format!("  (and {more} more with the same code)"),
            };
            text += &format!(
                "{:4}{loops}{:4} {:6}  {:10}  {}{aliases}\n",
                f.hot_longest, f.hot_shortest, f.bytes, f.kind, f.name
            );
        }
        print(out, &text)?;
        Ok(true)
    }

    // ---- diff ----

    fn diff(&self, base: &Path, new: Option<&Path>, out: Out<'_>) -> Result<bool, Failure> {
        let base = self.report(base)?;
        let new = match new {
            Some(path) => self.report(path)?,
            None => self.survey_or_build(None)?.report,
        };
        let diff = compare(&base, &new);
        if self.text() {
            print(out, &diff_text(&diff))?;
        } else {
            print_json(out, &diff)?;
        }
        Ok(diff.pass)
    }

    /// The report of a binary, or one that was saved as JSON.
    fn report(&self, path: &Path) -> Result<Report, Failure> {
        let bytes =
            fs::read(path).map_err(|e| Failure::Unreadable(format!("{}: {e}", path.display())))?;
        if bytes.first() == Some(&b'{') {
            return serde_json::from_slice(&bytes).map_err(|e| {
                Failure::Input(format!("{}: not a saved report: {e}", path.display()))
            });
        }
        Ok(self.survey_file(path)?.report)
    }

    // ---- golden ----

    fn prebuild(&self, check: bool, out: Out<'_>) -> Result<bool, Failure> {
        let workspace = self.common.workspace();
        let ops: Vec<String> = self.table.ops.iter().map(|op| op.name.clone()).collect();
        let text = prebuild::prebuild(&workspace, &ops)?;
        let path = workspace.root.join(prebuild::FILE);
        let same = fs::read_to_string(&path).is_ok_and(|old| old == text);
        if !check && !same {
            fs::write(&path, &text)
                .map_err(|error| Failure::Build(format!("{}: {error}", path.display())))?;
        }
        let verdict = match (same, check) {
            (true, _) => "is up to date",
            (false, false) => "is written",
            (false, true) => "is STALE: `asm-check prebuild` writes it anew",
        };
        print(out, &format!("{} {verdict}\n", prebuild::FILE))?;
        Ok(same || !check)
    }

    fn golden_dir(&self) -> PathBuf {
        self.common.root().join("asm-check/golden")
    }

    fn golden(&self, binary: Option<&Path>, bless: bool, out: Out<'_>) -> Result<bool, Failure> {
        let survey = self.survey_or_build(binary)?;
        let problems = golden::check(&survey, &self.golden_dir(), bless)?;
        if self.text() {
            for problem in &problems {
                print(out, &format!("{problem}\n"))?;
            }
            print(out, if problems.is_empty() { "golden: pass\n" } else { "golden: FAIL\n" })?;
        } else {
            print_json(
                out,
                &serde_json::json!({ "schema": SCHEMA, "pass": problems.is_empty(), "problems": problems }),
            )?;
        }
        Ok(problems.is_empty())
    }
}

impl From<Line> for ShowLine {
    fn from(line: Line) -> ShowLine {
        let Line { label, offset, text, roles, hot, note } = line;
        ShowLine { label, offset, text, roles, hot, note }
    }
}

fn show_text(op: &str, function: &FunctionReport, lines: &[Line]) -> String {
    let mut out = format!("{op}  ({}", function.kind);
    if !function.opcodes.is_empty() {
        out +=
            &format!(", family {}, {} bytes in the stream", function.family, function.stream_bytes);
    }
    out += ")\n";
    if !function.effect.is_empty() {
        out += &format!("  {}\n", function.effect);
    }
    let others: Vec<String> = std::iter::once(&function.name)
        .chain(&function.aliases)
        .filter(|name| *name != op)
        .cloned()
        .collect();
    if !others.is_empty() {
        out += &format!("  same code as {}\n", shorten(&others, 8));
    }
    let path = match (function.hot_shortest, function.hot_longest) {
        (low, high) if low == high => format!("{high}"),
        (low, high) => format!("{low} to {high}"),
    };
    let loops = if function.loops { ", with a loop counted once" } else { "" };
    out += &format!(
        "  {} bytes, {} instructions; hot path {path}{loops}; leaves to {}\n\n",
        function.bytes,
        function.instructions,
        function.exits.join(", ")
    );
    out + &listing::render(lines)
}

fn compare(base: &Report, new: &Report) -> DiffReport {
    // Every name on its own: which ops share code may differ between the builds.
    let by_name = |report: &Report| -> BTreeMap<String, (usize, u64)> {
        let rows = report.functions.iter().flat_map(|f| {
            std::iter::once(&f.name)
                .chain(&f.aliases)
                .map(|name| (name.clone(), (f.hot_longest, f.bytes)))
        });
        rows.collect()
    };
    let (before, after) = (by_name(base), by_name(new));
    let mut changes: Vec<Change> = Vec::new();
    for (name, &(hot, bytes)) in &before {
        let now = after.get(name);
        if now != Some(&(hot, bytes)) {
            changes.push(Change {
                name: name.clone(),
                hot: [Some(hot), now.map(|n| n.0)],
                bytes: [Some(bytes), now.map(|n| n.1)],
            });
        }
    }
    for (name, &(hot, bytes)) in after.iter().filter(|(name, _)| !before.contains_key(*name)) {
        changes.push(Change {
            name: name.clone(),
            hot: [None, Some(hot)],
            bytes: [None, Some(bytes)],
        });
    }
    let grown = |change: &Change| matches!(change.hot, [Some(from), Some(to)] if to > from);
    changes.sort_by_key(|change| {
        let growth = match change.hot {
            [Some(from), Some(to)] => to as i64 - from as i64,
            _ => 0,
        };
        (std::cmp::Reverse(growth), change.name.clone())
    });
    let new_findings: Vec<String> = new
        .findings
        .iter()
        .filter(|f| !base.findings.iter().any(|b| (&b.function, &b.rule) == (&f.function, &f.rule)))
        .map(|f| {
            format!(
                "{}: {}: {} at +{:#x}: {}",
                f.function, f.rule, f.message, f.offset, f.instruction
            )
        })
        .collect();
    DiffReport {
        schema: SCHEMA,
        pass: new_findings.is_empty() && !changes.iter().any(grown),
        base: base.binary.clone(),
        new: new.binary.clone(),
        bytes: [base.totals.bytes, new.totals.bytes],
        hot_median: [base.totals.hot_median, new.totals.hot_median],
        changes,
        new_findings,
    }
}

fn diff_text(diff: &DiffReport) -> String {
    let cell = |value: Option<String>| value.unwrap_or_else(|| "-".to_string());
    let mut out = format!("base {}\nnew  {}\n", diff.base, diff.new);
    out += &format!("all handlers: {} -> {} bytes\n", diff.bytes[0], diff.bytes[1]);
    out += &format!(
        "median hot path: {} -> {} instructions\n",
        diff.hot_median[0], diff.hot_median[1]
    );
    if !diff.changes.is_empty() {
        out += "\n      hot          bytes       name\n";
    }
    for change in &diff.changes {
        let [hot_from, hot_to] = change.hot.map(|v| cell(v.map(|v| v.to_string())));
        let [from, to] = change.bytes.map(|v| cell(v.map(|v| v.to_string())));
        out += &format!("{hot_from:>4} -> {hot_to:<4}  {from:>5} -> {to:<5}  {}\n", change.name);
    }
    for finding in &diff.new_findings {
        out += &format!("new: {finding}\n");
    }
    out
}

/// The first `limit` of `items`, and how many there are beyond.
fn shorten(items: &[String], limit: usize) -> String {
    let shown = items[..items.len().min(limit)].join(", ");
    if items.len() > limit { format!("{shown} and {} more", items.len() - limit) } else { shown }
}

fn print(out: Out<'_>, text: &str) -> Result<(), Failure> {
    // A reader that went away (`| head`) wants no more; that is no failure of the check.
    match out.write_all(text.as_bytes()) {
        Err(e) if e.kind() != std::io::ErrorKind::BrokenPipe => {
            Err(Failure::Input(format!("cannot print: {e}")))
        }
        _ => Ok(()),
    }
}

fn print_json(out: Out<'_>, value: &impl Serialize) -> Result<(), Failure> {
    let text = serde_json::to_string_pretty(value)
        .map_err(|e| Failure::Input(format!("cannot print: {e}")))?;
    print(out, &format!("{text}\n"))
}

pub(crate) fn read_text(path: &Path) -> Result<String, Failure> {
    fs::read_to_string(path).map_err(|e| Failure::Input(format!("{}: {e}", path.display())))
}

pub(crate) fn write_text(path: &Path, text: &str) -> Result<(), Failure> {
    let failed = |e: std::io::Error| Failure::Input(format!("{}: {e}", path.display()));
    if let Some(parent) = path.parent() {
        fs::create_dir_all(parent).map_err(failed)?;
    }
    fs::write(path, text).map_err(failed)
}
