//! The parent's side: children, and runs that take turns.

use crate::engines::{Kind, Known};
use crate::job::{Answer, Job, Program, Sample};
use crate::num::Result;
use std::io::{BufRead, BufReader, Read, Write};
use std::path::PathBuf;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::Duration;

/// An engine that takes part: a known one in some build of the harness.
#[derive(Clone, Debug)]
pub struct Contestant {
    /// The engine's name, and an `@` and a label when the build is not this one.
    pub label: String,
    /// The engine.
    pub known: &'static Known,
    /// The harness that contains it.
    pub executable: PathBuf,
}

/// How runs are made.
#[derive(Clone, Copy, Debug)]
pub struct Plan {
    /// Runs of each engine on each workload.
    pub runs: usize,
    /// The longest that compiling, or one run, may take.
    pub timeout: Duration,
    /// An interpreter that is slower than the fastest one by this factor is not run again.
    pub give_up: f64,
    /// Whether every run gets a process of its own.
    pub fresh: bool,
}

/// What came of one engine on one workload.
#[derive(Clone, Debug, Default)]
pub struct Outcome {
    /// Processor time of compiling, in nanoseconds.
    pub compile_ns: Option<u64>,
    /// The runs that were made.
    pub samples: Vec<Sample>,
    /// Why there are no runs, or no more.
    pub failure: Option<String>,
}

impl Outcome {
    /// The median of the processor time of an iteration, in nanoseconds.
    pub fn execute_ns(&self) -> Option<f64> {
        let per_iteration =
            |sample: &Sample| sample.execute_ns as f64 / f64::from(sample.iterations.max(1));
        if self.failure.is_some() {
            return None;
        }
        median(self.samples.iter().map(per_iteration).collect())
    }

    /// The median of the processor time of making an instance, in nanoseconds.
    pub fn instantiate_ns(&self) -> Option<f64> {
        median(self.samples.iter().map(|sample| sample.instantiate_ns as f64).collect())
    }

    /// The result, the same in all runs.
    pub fn result(&self) -> Option<&str> {
        self.samples.first().map(|sample| sample.result.as_str())
    }

    /// Marks the outcome as failed, keeping an earlier reason.
    pub fn fail(&mut self, reason: String) {
        self.failure.get_or_insert(reason);
    }
}

/// The middle value, or the mean of the two middle ones; `None` of nothing.
pub fn median(mut values: Vec<f64>) -> Option<f64> {
    values.sort_by(f64::total_cmp);
    let middle = values.len() / 2;
    match values.len() {
        0 => None,
        count if count % 2 == 1 => Some(values[middle]),
        _ => Some((values[middle - 1] + values[middle]) / 2.0),
    }
}

/// The geometric mean; `None` of nothing.
pub fn geometric_mean(values: impl IntoIterator<Item = f64>) -> Option<f64> {
    let (mut sum, mut count) = (0.0, 0u32);
    for value in values {
        sum += value.ln();
        count += 1;
    }
    (count > 0).then(|| (sum / f64::from(count)).exp())
}

/// A running child.
struct Worker {
    child: Child,
    stdin: Option<ChildStdin>,
    answers: Receiver<String>,
    complaints: Receiver<String>,
}

impl Worker {
    fn start(contestant: &Contestant, job: &Job) -> Result<Worker> {
        let mut child = Command::new(&contestant.executable)
            .args(["child", "--engine", contestant.known.name])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .map_err(|error| format!("{}: {error}", contestant.executable.display()))?;
        let (to_answers, answers) = channel();
        if let Some(stdout) = child.stdout.take() {
            std::thread::spawn(move || {
                for line in BufReader::new(stdout).lines().map_while(std::result::Result::ok) {
                    if to_answers.send(line).is_err() {
                        break;
                    }
                }
            });
        }
        let (to_complaints, complaints) = channel();
        if let Some(mut stderr) = child.stderr.take() {
            std::thread::spawn(move || {
                let mut bytes = Vec::new();
                // What was read before an error is all there is to tell.
                let _ = stderr.read_to_end(&mut bytes);
                let _ = to_complaints.send(String::from_utf8_lossy(&bytes).into_owned());
            });
        }
        let stdin = child.stdin.take();
        let mut worker = Worker { child, stdin, answers, complaints };
        let line = serde_json::to_string(job).map_err(|error| error.to_string())?;
        worker.say(&line)?;
        Ok(worker)
    }

    fn say(&mut self, line: &str) -> Result<()> {
        let Some(stdin) = &mut self.stdin else {
            return Err("the child is gone".to_owned());
        };
        let written = stdin.write_all(line.as_bytes()).and_then(|()| stdin.write_all(b"\n"));
        match written.and_then(|()| stdin.flush()) {
            Ok(()) => Ok(()),
            Err(_) => Err(self.last_words()),
        }
    }

    fn hear(&mut self, timeout: Duration) -> Result<Answer> {
        match self.answers.recv_timeout(timeout) {
            Ok(line) => serde_json::from_str(&line).map_err(|error| error.to_string()),
            Err(RecvTimeoutError::Timeout) => {
                self.stop();
                Err(format!("still not done after {} s", timeout.as_secs()))
            }
            Err(RecvTimeoutError::Disconnected) => Err(self.last_words()),
        }
    }

    fn stop(&mut self) {
        // Both fail only when the child has ended already, which is what is wanted.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    /// How a child that closed its output ended, and what it wrote last.
    fn last_words(&mut self) -> String {
        self.stdin = None;
        let status = match self.child.wait() {
            Ok(status) => status.to_string(),
            Err(error) => error.to_string(),
        };
        let complaint = self.complaints.recv_timeout(Duration::from_secs(1)).unwrap_or_default();
        match complaint.lines().rfind(|line| !line.trim().is_empty()) {
            Some(line) => format!("ended with {status}: {}", line.trim()),
            None => format!("ended with {status}"),
        }
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        self.stop();
    }
}

/// Runs `job` on every contestant, all compiled first, then one run of each in turn, so that a
/// change in the machine's pace meets all of them alike.
pub fn compete(contestants: &[Contestant], job: &Job, plan: &Plan) -> Vec<Outcome> {
    let mut outcomes = vec![Outcome::default(); contestants.len()];
    let mut workers: Vec<Option<Worker>> = Vec::new();
    for (contestant, outcome) in contestants.iter().zip(&mut outcomes) {
        workers.push(prepare(contestant, job, plan, outcome));
    }
    for round in 0..plan.runs {
        for ((contestant, worker), outcome) in
            contestants.iter().zip(&mut workers).zip(&mut outcomes)
        {
            if plan.fresh && round > 0 && worker.take().is_some() {
                *worker = prepare(contestant, job, plan, outcome);
            }
            let Some(active) = worker else { continue };
            let heard = active.say("run").and_then(|()| active.hear(plan.timeout));
            match heard {
                Ok(Answer::Ran(sample)) => outcome.samples.push(sample),
                Ok(Answer::Failed(reason)) | Err(reason) => {
                    outcome.fail(reason);
                    *worker = None;
                }
                Ok(Answer::Ready { .. }) => outcome.fail("the child lost count".to_owned()),
            }
        }
        if round == 0 {
            dismiss_the_slowest(contestants, &outcomes, plan, &mut workers);
        }
    }
    for outcome in &mut outcomes {
        let first = outcome.result().map(str::to_owned);
        if outcome.samples.iter().any(|sample| Some(&sample.result) != first.as_ref()) {
            outcome.fail("the result differs from run to run".to_owned());
        }
    }
    outcomes
}

fn prepare(
    contestant: &Contestant,
    job: &Job,
    plan: &Plan,
    outcome: &mut Outcome,
) -> Option<Worker> {
    let started = Worker::start(contestant, job).and_then(|mut worker| {
        let answer = worker.hear(plan.timeout)?;
        Ok((worker, answer))
    });
    match started {
        Ok((worker, Answer::Ready { compile_ns })) => {
            outcome.compile_ns = Some(compile_ns);
            Some(worker)
        }
        Ok((_, Answer::Failed(reason))) | Err(reason) => {
            outcome.fail(reason);
            None
        }
        Ok((_, Answer::Ran(_))) => {
            outcome.fail("the child ran unasked".to_owned());
            None
        }
    }
}

/// Sends home the peers that cannot be the fastest interpreter any more: their one run says
/// all that is needed, and the time is better spent on the others.
fn dismiss_the_slowest(
    contestants: &[Contestant],
    outcomes: &[Outcome],
    plan: &Plan,
    workers: &mut [Option<Worker>],
) {
    let fastest = contestants
        .iter()
        .zip(outcomes)
        .filter(|(contestant, _)| contestant.known.kind == Kind::Interpreter)
        .filter_map(|(_, outcome)| outcome.execute_ns())
        .fold(f64::INFINITY, f64::min);
    for ((contestant, outcome), worker) in contestants.iter().zip(outcomes).zip(workers) {
        let slow = outcome.execute_ns().is_some_and(|time| time > fastest * plan.give_up);
        if slow && contestant.known.kind == Kind::Interpreter {
            *worker = None;
        }
    }
}

/// Machine instructions for each iteration of a row of the border: the difference between two
/// runs of different length below callgrind, so that everything around the loop cancels out.
///
/// # Errors
///
/// When valgrind is not installed or cannot run the engine, or the engine cannot do the row.
pub fn instructions(contestant: &Contestant, row: crate::border::Row) -> Result<f64> {
    const SHORT: u32 = 500;
    const LONG: u32 = 2_500;
    let short = collected(contestant, row, SHORT)?;
    let long = collected(contestant, row, LONG)?;
    Ok((long as f64 - short as f64) / f64::from(LONG - SHORT))
}

fn collected(contestant: &Contestant, row: crate::border::Row, iterations: u32) -> Result<u64> {
    let program = Program::Border { row, iterations: Some(iterations) };
    let job = Job { wasm: PathBuf::new(), program };
    let job = serde_json::to_string(&job).map_err(|error| error.to_string())?;
    let mut child = Command::new("valgrind")
        .args(["--tool=callgrind", "--callgrind-out-file=/dev/null"])
        .arg(&contestant.executable)
        .args(["child", "--below-valgrind", "--engine", contestant.known.name])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(|error| format!("valgrind: {error}"))?;
    if let Some(mut stdin) = child.stdin.take() {
        // A child that ended early says why in its output.
        let _ = stdin.write_all(format!("{job}\nrun\n").as_bytes());
    }
    let output = child.wait_with_output().map_err(|error| error.to_string())?;
    let answers = String::from_utf8_lossy(&output.stdout).into_owned();
    let mut ran = answers.lines().filter_map(|line| serde_json::from_str(line).ok());
    let last = ran.next_back().unwrap_or_else(|| Answer::Failed("no answer".to_owned()));
    let complaints = String::from_utf8_lossy(&output.stderr).into_owned();
    match last {
        Answer::Ran(_) => complaints
            .lines()
            .find_map(|line| line.split_once("Collected :")?.1.trim().parse().ok())
            .ok_or_else(|| "callgrind told no number".to_owned()),
        Answer::Failed(reason) => Err(reason),
        Answer::Ready { .. } => Err(format!("ended with {}", output.status)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_of_an_even_number_of_values_lies_between_the_middle_two() {
        assert_eq!(median(vec![9.0, 1.0, 2.0, 4.0]), Some(3.0));
        assert_eq!(median(vec![5.0, 1.0, 2.0]), Some(2.0));
        assert_eq!(median(vec![]), None);
    }

    #[test]
    fn the_geometric_mean_of_a_ratio_and_its_inverse_is_one() {
        let mean = geometric_mean([4.0, 0.25]).unwrap_or(0.0);
        assert!((mean - 1.0).abs() < 1e-12);
    }
}
