//! Writing to the standard streams without ever panicking: a reader that goes away (`| head`) is
//! not an error of ours.

use std::io::{self, BufWriter, ErrorKind, Write};

use threadle::{Error, Result};

/// Standard output, buffered; flushed by [`Output::finish`].
pub struct Output(BufWriter<io::StdoutLock<'static>>);

impl Output {
    /// Takes standard output.
    pub fn new() -> Output {
        Output(BufWriter::new(io::stdout().lock()))
    }

    /// Writes a line.
    pub fn line(&mut self, line: impl AsRef<str>) -> Result<()> {
        self.0.write_all(line.as_ref().as_bytes())?;
        self.0.write_all(b"\n")?;
        Ok(())
    }

    /// Writes what is still buffered.
    pub fn finish(mut self) -> Result<()> {
        self.0.flush()?;
        Ok(())
    }
}

/// Whether nobody reads our output any more.
pub fn is_closed_pipe(error: &Error) -> bool {
    let error = error.downcast_ref::<io::Error>();
    error.is_some_and(|error| error.kind() == ErrorKind::BrokenPipe)
}

/// Writes to standard error; if that fails there is nobody left to tell.
pub fn to_stderr(text: &str) {
    let _ = io::stderr().lock().write_all(text.as_bytes());
}
