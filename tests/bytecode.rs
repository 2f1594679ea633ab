//! What functions become: each file of tests/bytecode is a module with one idea of the translator, and behind
//! it the bytecode of its functions as a comment. `BLESS=1` rewrites the comments.
//!
//! Without `;; options: fused` the instructions are as they are before sequences of them are fused, so the
//! files do not depend on the list of fused ops; those with it are looked at by builds with all fused ops only.

use std::fmt::Write;
use std::path::{Path, PathBuf};

use threadle::index::DefinedFuncIndex;
use threadle::isa::runtime::RUNTIME_NAMES;
use threadle::isa::{self, Kind, OPS, Op};
use threadle::translate::{self, Code, Options, Shape};
use threadle::vm::catch::NONE;
use threadle::{Config, Engine, Module, WasmFeatures};

/// What begins the comment.
const LISTING: &str = "\n;; ----\n";

fn files() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/bytecode");
    let entries = std::fs::read_dir(folder).expect("the folder is there");
    let mut files: Vec<PathBuf> =
        entries.map(|entry| entry.expect("a readable folder").path()).collect();
    files.sort();
    files
}

#[test]
fn functions_become_the_bytecode_that_is_written_behind_them() {
    if Engine::threading_form() != "direct" {
        // Instructions have other sizes there, and nothing else about them is different.
        return;
    }
    let bless = std::env::var_os("BLESS").is_some_and(|value| value == "1");
    let mut complaints = Vec::new();
    let files = files();
    assert!(files.len() >= 40, "only {} files", files.len());
    for file in &files {
        let name = file.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let text = std::fs::read_to_string(file).expect("a readable file");
        let (module, kept) = text.split_once(LISTING).unwrap_or((text.trim_end(), ""));
        let words: Vec<&str> = module
            .lines()
            .filter_map(|line| line.strip_prefix(";; options: "))
            .flat_map(str::split_whitespace)
            .collect();
        let has = |word: &str| words.contains(&word);
        if has("fused") && !OPS.iter().any(|op| op.family == "fused") {
            continue;
        }
        let options = Options {
            checked_memory: has("checked"),
            canonical_nans: has("canonical-nans"),
            fuel: has("fuel").then(Default::default),
            interrupt: has("interrupt"),
            unfused: !has("fused"),
            readable: has("readable"),
            frames: match () {
                () if has("far-locals") => Shape::FarLocals,
                () if has("far-operands") => Shape::FarStack(0),
                () => Shape::Near,
            },
            ..Options::default()
        };
        let fresh = listing(module, &options);
        if bless {
            let text = format!("{}\n{}{fresh}", module.trim_end(), &LISTING[1..]);
            std::fs::write(file, text).expect("the file is written");
        } else if kept != fresh {
            let line = fresh.lines().zip(kept.lines()).find(|(fresh, kept)| fresh != kept);
            complaints.push(format!("{name}: {line:?}"));
        }
    }
    assert!(
        complaints.is_empty(),
        "other bytecode than before (`BLESS=1 cargo test --test bytecode` writes it down):\n{}",
        complaints.join("\n")
    );
}

/// The bytecode of all functions of a module.
fn listing(text: &str, options: &Options) -> String {
    let mut config = Config::new();
    config.wasm_features(WasmFeatures::all(), true);
    let engine = Engine::new(&config).expect("an engine");
    let bytes = wat::parse_str(text).unwrap_or_else(|error| panic!("{error}\n{text}"));
    let module = Module::new(&engine, &bytes).unwrap_or_else(|error| panic!("{error:?}\n{text}"));
    let (info, bytes) = (module.code().info(), module.code().bytes());
    let mut out = String::new();
    for index in 0..info.bodies.len() as u32 {
        let func = DefinedFuncIndex(index);
        let code = translate::translate(info, module.code().layout(), bytes, func, options)
            .unwrap_or_else(|error| panic!("{error:?}\n{text}"));
        let _ = writeln!(out, ";; function {}", info.func_index(func).0);
        function(&mut out, &code);
    }
    out
}

fn function(out: &mut String, code: &Code) {
    let bytes: Vec<u8> = code.words().iter().flat_map(|word| word.to_le_bytes()).collect();
    let listed = isa::disassemble(&bytes, &|kind, number| match kind {
        Kind::Runtime => RUNTIME_NAMES.get(usize::try_from(number).ok()?).map(|it| (*it).into()),
        _ => None,
    });
    let ends = listed.iter().skip(1).map(|it| it.offset).chain([bytes.len()]);
    for (instruction, end) in listed.iter().zip(ends.clone()) {
        let at = instruction.offset as u32;
        if at < code.entry() {
            continue;
        }
        for (place, region) in code.catches().places.iter().filter(|place| place.0 == at) {
            let _ = match *region {
                NONE => writeln!(out, ";;        catches nothing from {place:x}"),
                _ => writeln!(out, ";;        catches as region {region} from {place:x}"),
            };
        }
        let text = format!(";; {at:5x}  {} {}", instruction.op.info().name, instruction.operands);
        let _ = write!(out, "{}", text.trim_end());
        // References that are live while it calls.
        let mut live = Vec::new();
        if instruction.op.info().attributes.calls || instruction.op == Op::CallRuntime {
            code.stack_maps().visit(end as u32, &mut |slot| live.push(format!("s{slot}")));
        }
        if !live.is_empty() {
            let _ = write!(out, "; references in {}", live.join(" "));
        }
        out.push('\n');
    }
    for (number, region) in code.catches().regions.iter().enumerate() {
        for clause in &code.catches().clauses[region.clauses.0 as usize..region.clauses.1 as usize]
        {
            let tag = if clause.tag == NONE { "any".into() } else { clause.tag.to_string() };
            let _ = writeln!(
                out,
                ";;        region {number}: tag {tag}, payload from s{} on, goes on at {:x}",
                clause.payload, clause.target
            );
        }
    }
}
