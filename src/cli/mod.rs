//! The command line: what can be said, and what exit code comes of it.
//!
//! | exit code | meaning |
//! |---|---|
//! | the program's | it ended by itself |
//! | 134 | it trapped |
//! | 1 | it could not be loaded or run, or (`wast`) an assertion failed |
//! | 2 | the command line was not understood |

mod assembly;
mod compile;
mod disas;
mod explore;
mod frames;
mod fuse;
#[cfg_attr(target_os = "wasi", path = "host_bare.rs")]
mod host;
mod inspect;
mod isa;
mod json;
mod manual;
mod operator;
mod options;
mod output;
mod places;
mod preinit;
mod profile;
mod run;
mod timeout;
mod trace;
mod value;
mod wast;

use std::process::ExitCode;
use std::sync::LazyLock;

use clap::{CommandFactory, Parser, Subcommand};
use threadle::{Engine, Error, Trap, WasmBacktrace, WasmCoreDump};

/// The exit code after a trap: what a shell reports of a process that was aborted (128 + SIGABRT).
const TRAPPED: u8 = 134;

static VERSION: LazyLock<String> = LazyLock::new(|| {
    format!(
        "{} (dispatch: {}, threading: {})",
        env!("CARGO_PKG_VERSION"),
        Engine::dispatch_backend(),
        Engine::threading_form()
    )
});

/// Runs WebAssembly without ever making memory executable.
#[derive(Parser)]
#[command(name = "threadle", version = VERSION.as_str(), arg_required_else_help = true)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Run a program (WASI preview 1), or one exported function of a module
    Run(run::Run),
    /// Translate a module ahead, for `run` to start at once
    Compile(compile::Compile),
    /// Initialise a program and write it as a module that begins there
    Preinit(preinit::PreinitModule),
    /// Run test scripts of the official suite
    Wast(wast::Wast),
    /// Run a program as `run` does and say where its instructions, or its time, went
    Profile(profile::Profile),
    /// Run a program as `run` does and print the instructions that it executes, or its calls, with values
    Trace(trace::Trace),
    /// Choose which sequences of instructions become one, from profiles, for a build of one's own
    Fuse(fuse::Fuse),
    /// Print a module's bytecode beside the WebAssembly it came from
    Disas(disas::Disas),
    /// Write a page that shows a module's source lines, WebAssembly, bytecode and machine code side by side
    Explore(explore::Explore),
    /// Print what a module has: sections, features that it needs, imports, exports, largest functions
    Inspect(inspect::Inspect),
    /// Print an instruction of the bytecode: its operands, its handler, and what fuses with it
    Isa(isa::Isa),
    /// Print a script that completes this command's lines in a shell
    Completions(manual::Completions),
    /// Print the manual page of this command, or of one of its subcommands, for `man`
    Man(manual::Man),
}

/// Parses the command line and carries it out.
pub fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            // Help that is cut short by a closed pipe is no failure.
            let _ = error.print();
            return ExitCode::from(if error.use_stderr() { 2 } else { 0 });
        }
    };
    let result = match cli.command {
        Command::Run(run) => run.execute(),
        Command::Compile(compile) => compile.execute(),
        Command::Preinit(preinit) => preinit.execute(),
        Command::Wast(wast) => wast.execute(),
        Command::Profile(profile) => profile.execute(),
        Command::Trace(trace) => trace.execute(),
        Command::Fuse(fuse) => fuse.execute(),
        Command::Disas(disas) => disas.execute(),
        Command::Explore(explore) => explore.execute(),
        Command::Inspect(inspect) => inspect.execute(),
        Command::Isa(isa) => isa.execute(),
        Command::Completions(completions) => completions.execute(Cli::command()),
        Command::Man(man) => man.execute(Cli::command()),
    };
    match result {
        Ok(code) => code,
        Err(error) if output::is_closed_pipe(&error) => ExitCode::SUCCESS,
        Err(error) => {
            output::to_stderr(&message(&error));
            let trapped = error.downcast_ref::<Trap>().is_some();
            ExitCode::from(if trapped { TRAPPED } else { 1 })
        }
    }
}

/// The error with its causes on one line, and then the backtrace if it has one.
fn message(error: &Error) -> String {
    let backtrace = error.downcast_ref::<WasmBacktrace>().map(ToString::to_string);
    let dump = error.downcast_ref::<WasmCoreDump>().map(ToString::to_string);
    // Causes that a message repeats itself are left out.
    let mut causes: Vec<String> = Vec::new();
    for cause in error.chain().map(ToString::to_string) {
        let repeated = causes.last().is_some_and(|last| last.contains(&cause));
        let shown = Some(&cause) == backtrace.as_ref() || Some(&cause) == dump.as_ref();
        if !shown && !repeated {
            causes.push(cause);
        }
    }
    let mut message = format!("threadle: {}\n", causes.join(": "));
    if let Some(backtrace) = backtrace {
        message.push_str(&backtrace);
        message.push('\n');
    }
    message
}
