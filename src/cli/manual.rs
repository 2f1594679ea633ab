//! `threadle completions` and `threadle man`: what shells and readers of manuals want to know of the command
//! line, made of its definition.

use std::process::ExitCode;

use clap::{Args, Command};
use clap_complete::Shell;
use threadle::{Result, format_err};

use super::output::Output;

/// Arguments of `threadle completions`.
#[derive(Args)]
pub struct Completions {
    /// The shell that is to read it
    shell: Shell,
}

impl Completions {
    /// Prints the script.
    pub fn execute(self, mut command: Command) -> Result<ExitCode> {
        let name = command.get_name().to_owned();
        let mut script = Vec::new();
        clap_complete::generate(self.shell, &mut command, name, &mut script);
        print(&script)
    }
}

/// Arguments of `threadle man`.
#[derive(Args)]
pub struct Man {
    /// The subcommand that the page is about
    #[arg(value_name = "COMMAND")]
    command: Option<String>,
}

impl Man {
    /// Prints the page.
    pub fn execute(self, mut command: Command) -> Result<ExitCode> {
        // Gives subcommands their full names.
        command.build();
        if let Some(name) = &self.command {
            let found = command.find_subcommand(name).cloned();
            command = found.ok_or_else(|| format_err!("there is no command `{name}`"))?;
        }
        let source = concat!("threadle ", env!("CARGO_PKG_VERSION"));
        let mut page = Vec::new();
        clap_mangen::Man::new(command).source(source).render(&mut page)?;
        print(&page)
    }
}

fn print(text: &[u8]) -> Result<ExitCode> {
    let mut output = Output::new();
    output.line(String::from_utf8_lossy(text).trim_end())?;
    output.finish()?;
    Ok(ExitCode::SUCCESS)
}
