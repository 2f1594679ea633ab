//! `threadle disas --asm` and `threadle explore`: bytecode beside machine code.

use super::*;

fn assembly() -> String {
    file(
        "handlers.s",
        "# comment\ni32_add_ssi:\n\tmovl\t%eax,%ecx\n\tjo\t2f\n\tjmpq\t*%rax\n2:\n\tud2\nret_s = i32_add_ssi\n",
    )
}

#[test]
fn machine_code_stands_below_the_instructions() {
    let program = file(
        "listed.wat",
        "(module (func (export \"f\") (param i32) (result i32) (local i32) (local.set 1 (i32.add (local.get 0) (i32.const 7))) (local.get 1)))",
    );
    let out = run(&["disas", "--asm", &assembly(), &program]).out;
    assert!(out.contains("; 3 machine instructions of 4\n"), "{out}");
    assert!(out.contains(" movl %eax,%ecx\n"), "{out}");
    assert!(out.contains("; compiled with the engine\n"), "{out}");
}

/// The data of a page.
fn data(page: &str) -> serde_json::Value {
    let data = page.split_once("const data = ").expect("the data").1;
    let data = data.split_once(";\nconst get").expect("the script goes on").0;
    serde_json::from_str(data).expect("JSON")
}

#[test]
fn pages_hold_operators_lines_bytecode_and_machine_code() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/dwarf");
    let (page, program) = (file("explored.html", ""), folder.join("trap-c.wasm"));
    let path = |path: &Path| path.to_str().expect("a Unicode path").to_owned();
    let ran = run(&[
        "explore",
        "--sources",
        &path(&folder),
        "--asm",
        &assembly(),
        "-o",
        &page,
        &path(&program),
    ]);
    assert_eq!(ran.code, 0, "{}", ran.err);
    let data = data(&std::fs::read_to_string(&page).expect("the page"));
    let lines = data["lines"].as_array().expect("lines");
    let line =
        lines.iter().position(|it| it[2].as_str().is_some_and(|it| it.ends_with("// the line")));
    let line = line.expect("the source's text");
    let functions = data["functions"].as_array().expect("functions");
    let middle =
        functions.iter().find(|it| it["title"].as_str().is_some_and(|it| it.contains("middle")));
    let middle = middle.expect("the function");
    let operators = middle["operators"].as_array().expect("operators");
    let division =
        operators.iter().find(|it| it[1].as_str().is_some_and(|it| it.trim() == "i32.div_s"));
    let division = division.expect("the division");
    assert_eq!(division[2], line);
    // The instruction that came from it is tied to it by its offset.
    let code = middle["code"].as_array().expect("code");
    let mut names = code.iter().filter(|it| it[3] == division[0]).map(|it| {
        let op = it[1].as_u64().expect("a number") as usize;
        data["ops"][op]["name"].as_str().expect("a name")
    });
    assert!(names.any(|name| name.contains("i32_div_s")), "{code:?}");
}

/// A browser that can be run without a screen: the one that `THREADLE_CHROMIUM` names, or one of the usual.
fn browser() -> Option<String> {
    let named = std::env::var("THREADLE_CHROMIUM").ok();
    let usual = ["chromium", "chromium-browser", "google-chrome"].map(str::to_owned);
    named.into_iter().chain(usual).find(|name| Command::new(name).arg("--version").output().is_ok())
}

#[test]
fn a_browser_lights_up_what_belongs_together() {
    let Some(browser) = browser() else {
        eprintln!("left out: there is no Chromium (THREADLE_CHROMIUM names one)");
        return;
    };
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let path = |name: &str| root.join(name).to_str().expect("a Unicode path").to_owned();
    let page = file("browsed.html", "");
    let handlers = path("src/exec/prebuilt/x86_64-elf.s");
    let (sources, program) = (path("tests/data/dwarf"), path("tests/data/dwarf/trap-c.wasm"));
    let args = ["explore", "--sources", &sources, "--asm", &handlers, "-o", &page, &program];
    assert_eq!(run(&args).code, 0);
    // Does what people would: chooses a function, and points at the division.
    let mut text = std::fs::read_to_string(&page).expect("the page");
    text += "<script>
        const choice = document.getElementById('function');
        choice.value = [...choice.options].find(it => it.text.includes('middle')).value;
        choice.dispatchEvent(new Event('change'));
        const rows = [...document.querySelectorAll('#wasm div')];
        rows.find(it => it.textContent.includes('i32.div_s')).dispatchEvent(new MouseEvent('mouseenter'));
        </script>";
    let page = file("pointed.html", text);
    let output = Command::new(browser)
        .args(["--headless", "--no-sandbox", "--disable-gpu", "--dump-dom"])
        .arg(format!("file://{page}"))
        .output()
        .expect("it starts");
    let shown = String::from_utf8_lossy(&output.stdout);
    let shown = shown.split("<script>").next().expect("text");
    let row = |text: &str| {
        let row = shown.split("<div").find(|row| row.contains(text));
        row.unwrap_or_else(|| panic!("no {text}: {shown}")).to_owned()
    };
    for lit in ["</i>i32.div_s<", "</i>i32_div_s"] {
        assert!(row(lit).contains("class=\"on\""), "{lit} in {shown}");
    }
    assert!(row("// the line").contains("class=\"of\""), "{shown}");
    assert!(row("</i>i32.add<").contains("class=\"\""), "{shown}");
    let machine = shown.split("id=\"asm\"").nth(1).expect("the column");
    assert!(machine.contains("; acc := ") && machine.contains("idivl"), "{shown}");
}

#[test]
fn no_name_of_a_module_ends_a_pages_script() {
    let program = file("hostile.wat", "(module (func (export \"</script><b>\")))");
    let page = file("hostile.html", "");
    assert_eq!(run(&["explore", "-o", &page, &program]).code, 0);
    let text = std::fs::read_to_string(&page).expect("the page");
    assert_eq!(text.matches("</script>").count(), 1);
    let title = &data(&text)["functions"][0]["title"];
    assert!(title.as_str().is_some_and(|title| title.contains("</script><b>")), "{title}");
}
