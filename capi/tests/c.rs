//! Compiles the programs in `tests/c`, as C99 and as C++17, and runs them. With `THREADLE_C_RUNNER`
//! they are run by that command, for example valgrind.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::LazyLock;

fn folder() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Runs a command that has to succeed, and returns what it printed.
fn run(command: &mut Command) -> String {
    let output = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    let text = |bytes| String::from_utf8_lossy(bytes).into_owned();
    let printed = text(&output.stdout);
    assert!(
        output.status.success(),
        "{command:?}: {}\n{printed}{}",
        output.status,
        text(&output.stderr)
    );
    printed
}

/// The folder with the libraries, built as these tests are.
fn libraries() -> &'static Path {
    static BUILT: LazyLock<PathBuf> = LazyLock::new(|| {
        // target/PROFILE/deps/TEST, or target/TARGET/PROFILE/deps/TEST
        let test = std::env::current_exe().expect("a running test");
        let place = test.ancestors().nth(2).expect("the profile's folder").to_path_buf();
        let profile = place.file_name().and_then(|it| it.to_str()).expect("a profile");
        let profile = if profile == "debug" { "dev" } else { profile };
        let above = place.parent().expect("the target folder");
        let mut build = Command::new(env!("CARGO"));
        build.args(["build", "-p", "threadle-c-api", "--profile", profile]);
        // Only builds for a named target have its name in their path, below the folder that cargo marks.
        let marked = above.parent().filter(|it| it.join("CACHEDIR.TAG").exists());
        if let Some(folder) = marked {
            build.arg("--target").arg(above.file_name().expect("the target's name"));
            build.env("CARGO_TARGET_DIR", folder);
        } else {
            build.env("CARGO_TARGET_DIR", above);
        }
        run(build.current_dir(folder()));
        place
    });
    &BUILT
}

/// What the static library needs besides itself.
const SYSTEM: [&str; 3] = ["-lpthread", "-lm", "-ldl"];

fn flags() -> Vec<String> {
    std::env::var("THREADLE_C_FLAGS")
        .unwrap_or_default()
        .split_whitespace()
        .map(Into::into)
        .collect()
}

fn compile(source: &Path, object: &Path, language: &[&str]) {
    run(Command::new(if language.contains(&"c++") { "c++" } else { "cc" })
        .args(language)
        .args(["-Wall", "-Wextra", "-Werror", "-pedantic", "-g", "-c", "-o"])
        .arg(object)
        .args(flags())
        .arg("-I")
        .arg(folder().join("include"))
        .arg(source));
}

fn link(object: &Path, program: &Path, libraries: &Path) {
    run(Command::new("c++")
        .arg("-o")
        .arg(program)
        .arg(object)
        .arg(libraries.join("libthreadle.a"))
        .args(flags())
        .args(SYSTEM));
}

const C: [&str; 3] = ["-x", "c", "-std=c99"];
const CXX: [&str; 3] = ["-x", "c++", "-std=c++17"];

fn place(name: &str) -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).join(name)
}

/// Compiles and runs a program as C or C++.
fn program(name: &str, language: &[&str]) {
    let source = folder().join("tests/c").join(name);
    let label = format!("{name}-{}", language[1]);
    let object = place(&format!("{label}.o"));
    compile(&source, &object, language);
    let program = place(&label);
    link(&object, &program, libraries());
    let runner = std::env::var("THREADLE_C_RUNNER").unwrap_or_default();
    let mut words = runner.split_whitespace().map(ToString::to_string);
    let mut command = match words.next() {
        Some(runner) => {
            let mut command = Command::new(runner);
            command.args(words).arg(&program);
            command
        }
        None => Command::new(&program),
    };
    // Programs make files where they are.
    let home = place(&format!("{label}.files"));
    std::fs::create_dir_all(&home).expect("a folder");
    let printed = run(command.current_dir(home));
    assert!(printed.ends_with("ok\n"), "{label} printed {printed:?}");
}

macro_rules! programs {
    ($($name:ident)*) => {
        $(
            mod $name {
                #[test]
                fn works_in_c99() {
                    super::program(concat!(stringify!($name), ".c"), &super::C);
                }

                #[test]
                fn works_in_cxx17() {
                    super::program(concat!(stringify!($name), ".c"), &super::CXX);
                }
            }
        )*

        const PROGRAMS: &[&str] = &[$(concat!(stringify!($name), ".c")),*];
    };
}

mod classes {
    #[test]
    fn works_in_cxx17() {
        super::program(CLASSES, &super::CXX);
    }

    pub const CLASSES: &str = "classes.cc";
}

programs! { types references objects traps modules embed linkers asynchronous make values client }

#[test]
fn the_example_of_the_guide_works() {
    let guide = std::fs::read_to_string(folder().join("../docs/c-api.md")).expect("the guide");
    let example = guide.split("```c\n").nth(1).and_then(|rest| rest.split("```").next());
    let source = place("example.c");
    std::fs::write(&source, example.expect("the guide has an example")).expect("a file");
    compile(&source, &place("example.o"), &C);
    link(&place("example.o"), &place("example"), libraries());
    run(&mut Command::new(place("example")));
}

/// Where an installation is found: what `pkg-config` would answer.
fn package(root: &Path, what: &str) -> Vec<String> {
    let file = std::fs::read_to_string(root.join("lib/pkgconfig/threadle.pc")).expect("the file");
    let of = |key: &str| file.lines().find_map(|line| line.strip_prefix(key)).map(str::trim);
    let prefix = of("prefix=").expect("a prefix");
    let variable = |key: &str| of(key).expect("a variable").replace("${prefix}", prefix);
    let value = of(what).expect("an entry");
    let value = value.replace("${libdir}", &variable("libdir="));
    let value = value.replace("${includedir}", &variable("includedir="));
    value.split_whitespace().map(ToString::to_string).collect()
}

#[test]
fn an_installed_library_is_found_and_works() {
    let root = place("installed");
    let above = libraries().parent().expect("the target folder");
    run(Command::new(folder().join("install"))
        .args(["--profile", "dev", "--prefix"])
        .arg(&root)
        .env("CARGO_TARGET_DIR", above)
        .env_remove("CARGO_BUILD_TARGET"));
    let source = folder().join("tests/c/client.c");
    for (label, libs) in [("shared", vec![]), ("static", vec![root.join("lib/libthreadle.a")])] {
        let program = place(&format!("installed-{label}"));
        let mut command = Command::new("cc");
        command.arg("-o").arg(&program).arg(&source).args(package(&root, "Cflags:"));
        match libs.first() {
            None => command.args(package(&root, "Libs:")),
            Some(lib) => command.arg(lib).args(package(&root, "Libs.private:")),
        };
        run(&mut command);
        let printed = run(Command::new(&program).env("LD_LIBRARY_PATH", root.join("lib")));
        assert_eq!(printed, "ok\n");
    }
    for file in ["include/wasm.hh", "include/wasmtime/store.h", "lib/libthreadle.so"] {
        assert!(root.join(file).exists(), "{file}");
    }
    for file in ["threadle-config.cmake", "threadle-config-version.cmake"] {
        assert!(root.join("lib/cmake/threadle").join(file).exists(), "{file}");
    }
}

/// The headers, after preprocessing.
fn headers() -> String {
    let header = folder().join("include/threadle.h");
    run(Command::new("cc").args(["-E", "-P", "-I"]).arg(folder().join("include")).arg(header))
}

/// The functions that the headers declare.
fn declared() -> BTreeSet<String> {
    let text = headers();
    let mut names = BTreeSet::new();
    for statement in text.split(';') {
        // Functions of the headers' own have bodies and are `static`.
        let declaration = statement.rsplit('}').next().unwrap_or_default();
        if declaration.contains("typedef") || declaration.contains("static") {
            continue;
        }
        let Some(before) = declaration.split('(').next() else { continue };
        let name = before.split(|c: char| !(c.is_alphanumeric() || c == '_')).next_back();
        // Structures are declared by their names, which end so.
        let name = name.filter(|name| is_ours(name) && !name.ends_with("_t"));
        names.extend(name.map(ToString::to_string));
    }
    assert!(names.len() > 200, "{names:?}");
    names
}

/// The functions that the headers have bodies for.
fn inline() -> BTreeSet<String> {
    let text = headers();
    let parts = text.split("static inline ").skip(1);
    let heads = parts.filter_map(|part| part.split('(').next());
    let names = heads.filter_map(|head| head.split([' ', '*']).next_back());
    let names: BTreeSet<String> = names.filter(|it| is_ours(it)).map(ToString::to_string).collect();
    assert!(names.len() > 30, "{names:?}");
    names
}

fn is_ours(name: &str) -> bool {
    ["wasm_", "wasi_", "threadle_"].iter().any(|prefix| name.starts_with(prefix))
}

fn symbols(file: &Path, options: &[&str], kind: &str) -> BTreeSet<String> {
    let printed = run(Command::new("nm").args(options).arg(file));
    let names = printed.lines().filter_map(|line| {
        let mut words = line.split_whitespace().rev();
        let name = words.next()?;
        (words.next()? == kind && is_ours(name)).then(|| name.to_string())
    });
    names.collect()
}

fn exported() -> BTreeSet<String> {
    symbols(&libraries().join("libthreadle.so"), &["-D", "--defined-only"], "T")
}

#[test]
fn the_headers_declare_exactly_what_the_library_exports() {
    let (declared, exported) = (declared(), exported());
    let missing: Vec<_> = declared.difference(&exported).collect();
    assert!(missing.is_empty(), "declared, but not there: {missing:?}");
    let hidden: Vec<_> = exported.difference(&declared).collect();
    assert!(hidden.is_empty(), "there, but not declared: {hidden:?}");
}

#[test]
fn every_function_is_called_by_a_program() {
    let mut called = BTreeSet::new();
    let mut text = String::new();
    for name in PROGRAMS {
        let source = folder().join("tests/c").join(name);
        let object = place(&format!("{name}-calls.o"));
        compile(&source, &object, &C);
        called.extend(symbols(&object, &["-u"], "U"));
        text += &std::fs::read_to_string(source).expect("a program");
    }
    // Those with bodies in the headers leave no symbol.
    let words = text.split(|c: char| !(c.is_alphanumeric() || c == '_'));
    let inline = inline();
    called.extend(words.filter(|it| inline.contains(*it)).map(ToString::to_string));
    let exported = exported();
    let untested: Vec<_> = exported.union(&inline).filter(|it| !called.contains(*it)).collect();
    assert!(untested.is_empty(), "no program calls {untested:?}");
}

#[test]
fn every_program_is_run() {
    let files = std::fs::read_dir(folder().join("tests/c")).expect("the programs");
    let names = files.map(|file| file.expect("a file").file_name().into_string().expect("a name"));
    let names: BTreeSet<String> = names.filter(|name| !name.ends_with(".h")).collect();
    let programs = PROGRAMS.iter().chain([&classes::CLASSES]);
    assert_eq!(names, programs.map(ToString::to_string).collect());
}
