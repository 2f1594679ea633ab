//! The end of a program's time.

use std::process;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::thread;
use std::time::Duration;

use threadle::{Context, InterruptHandle, Result};

use super::{TRAPPED, output};

/// How long a program may take to end once it has been interrupted. Its own code ends at once; a host
/// function that waits for input, or for a time to come, does not see the interrupt.
const GRACE: Duration = Duration::from_secs(1);

/// A program's time: it ends when this is dropped.
pub struct Timeout {
    over: Arc<AtomicBool>,
    _running: Sender<()>,
}

impl Timeout {
    /// Interrupts a store after this time; and ends the process if that does not help.
    pub fn start(after: Duration, handle: InterruptHandle) -> Result<Timeout> {
        let over = Arc::new(AtomicBool::new(false));
        let (running, ended) = mpsc::channel();
        let flag = Arc::clone(&over);
        let wait = move || {
            let timed_out =
                |time| matches!(ended.recv_timeout(time), Err(RecvTimeoutError::Timeout));
            if !timed_out(after) {
                return;
            }
            flag.store(true, Ordering::Relaxed);
            handle.interrupt();
            if timed_out(GRACE) {
                let text = "threadle: the program's time is over, and it waits for its host\n";
                output::to_stderr(text);
                process::exit(TRAPPED.into());
            }
        };
        thread::Builder::new().name("timeout".into()).spawn(wait).context("no thread for time")?;
        Ok(Timeout { over, _running: running })
    }

    /// Whether the time was over before the program had ended.
    pub fn is_over(&self) -> bool {
        self.over.load(Ordering::Relaxed)
    }
}
