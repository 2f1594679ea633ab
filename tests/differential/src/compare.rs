//! One module through all engines.

use clap::ValueEnum;

use crate::engines::{Runner, Skip, Threadle};
use crate::observe::{Observation, Outcome, Plan, Stop, difference};

/// The engine that says what is right.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
pub enum Oracle {
    /// Fast to start; lacks garbage collection, exceptions, typed references and threads.
    #[cfg(feature = "wasmi")]
    Wasmi,
    /// Compiles, so it is slow to start; knows everything.
    #[cfg(feature = "wasmtime")]
    Wasmtime,
}

impl Oracle {
    fn runner(self) -> Box<dyn Runner> {
        match self {
            #[cfg(feature = "wasmi")]
            Oracle::Wasmi => Box::new(crate::engines::Wasmi::new()),
            #[cfg(feature = "wasmtime")]
            Oracle::Wasmtime => Box::new(crate::engines::Wasmtime::new()),
        }
    }
}

/// The oracle and the configurations under test.
pub struct Bench {
    oracle: Box<dyn Runner>,
    subjects: Vec<Threadle>,
}

/// What [`Bench`] compares with what.
pub fn bench(args: &crate::Args) -> Bench {
    if args.slices.is_empty() {
        Bench { oracle: args.oracle.runner(), subjects: Threadle::all() }
    } else {
        let oracle = Box::new(Threadle::fuelled());
        Bench { oracle, subjects: Threadle::sliced(&args.slices) }
    }
}

/// What became of a module.
pub enum Verdict {
    /// All agree; what the oracle saw.
    Same(Observation),
    /// The oracle or the engine's limits do not admit it.
    Skipped(String),
    /// They differ: the configuration, and how.
    Different(String),
}

impl Bench {
    /// How many configurations each module runs on.
    pub fn modes(&self) -> usize {
        self.subjects.len()
    }

    /// The same where the digest of what the oracle saw may be known.
    pub fn compare_known(&mut self, wasm: &[u8], plan: &Plan, known: Option<u64>) -> Verdict {
        let Some(known) = known else { return self.compare(wasm, plan) };
        let mut seen = None;
        for subject in &mut self.subjects {
            match subject.run(wasm, plan) {
                Ok(got) if got.digest() == Some(known) => seen = Some(got),
                _ => {
                    return match self.compare(wasm, plan) {
                        // Another oracle than the one that saw it may not take it.
                        Verdict::Skipped(why) => {
                            Verdict::Different(format!("not as recorded; the oracle: {why}"))
                        }
                        verdict => verdict,
                    };
                }
            }
        }
        seen.map_or_else(|| Verdict::Skipped("no engine".into()), Verdict::Same)
    }

    /// Runs a module on all engines and compares.
    pub fn compare(&mut self, wasm: &[u8], plan: &Plan) -> Verdict {
        let expected = match self.oracle.run(wasm, plan) {
            Ok(seen) => seen,
            Err(Skip(why)) => return Verdict::Skipped(why),
        };
        for subject in &mut self.subjects {
            subject.expect(expected.used.as_deref().unwrap_or_default());
            match subject.run(wasm, plan) {
                Ok(got) => {
                    if let Some(text) = difference(&expected, &got, plan) {
                        let name = subject.name();
                        return Verdict::Different(format!("{name}: {text}"));
                    }
                }
                Err(Skip(why)) => return Verdict::Skipped(why),
            }
        }
        Verdict::Same(expected)
    }
}

/// Numbers about what was run, so that one sees whether modules do something worth comparing.
#[derive(Clone, Debug, Default)]
pub struct Totals {
    /// Modules compared.
    pub modules: u64,
    /// Modules not compared.
    pub skipped: u64,
    /// Calls compared.
    pub calls: u64,
    /// Calls that returned.
    pub returned: u64,
    /// Calls that ended early, by reason.
    pub stops: std::collections::BTreeMap<String, u64>,
}

impl Totals {
    /// Adds a module's observation.
    pub fn add(&mut self, seen: &Observation) {
        self.modules += 1;
        for outcome in seen.failed.iter().chain(&seen.calls) {
            self.calls += 1;
            match outcome {
                Outcome::Values(_) => self.returned += 1,
                Outcome::Stop(stop, _) => self.stop(*stop),
            }
        }
    }

    fn stop(&mut self, stop: Stop) {
        *self.stops.entry(format!("{stop:?}")).or_default() += 1;
    }

    /// As one line that [`Totals::read`] reads.
    pub fn write(&self) -> String {
        let mut text = format!(
            "modules={} skipped={} calls={} returned={}",
            self.modules, self.skipped, self.calls, self.returned
        );
        for (name, count) in &self.stops {
            text += &format!(" {name}={count}");
        }
        text
    }

    /// Adds what [`Totals::write`] wrote.
    pub fn read(&mut self, line: &str) {
        for word in line.split_whitespace() {
            let Some((name, count)) = word.split_once('=') else { continue };
            let count: u64 = count.parse().unwrap_or(0);
            match name {
                "modules" => self.modules += count,
                "skipped" => self.skipped += count,
                "calls" => self.calls += count,
                "returned" => self.returned += count,
                name => *self.stops.entry(name.to_string()).or_default() += count,
            }
        }
    }
}
