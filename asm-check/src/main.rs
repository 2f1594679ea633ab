//! `asm-check`: see the library's documentation and docs/asm-check.md.

use std::process::ExitCode;

use clap::Parser as _;

fn main() -> ExitCode {
    let cli = asm_check::cli::Cli::parse();
    match asm_check::run(&cli, &mut std::io::stdout().lock()) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::from(1),
        Err(failure) => {
            eprintln!("asm-check: {failure}");
            ExitCode::from(failure.exit_code())
        }
    }
}
