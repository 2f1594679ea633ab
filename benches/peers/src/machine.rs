//! Where and when a measurement was made.

use serde::Serialize;
use std::fs;
use std::time::{SystemTime, UNIX_EPOCH};

/// Facts that go with every number.
#[derive(Clone, Debug, Serialize)]
pub struct Machine {
    /// The day, as `YYYY-MM-DD` in UTC.
    pub date: String,
    /// The processor's name.
    pub processor: String,
    /// Processors that the harness may use.
    pub cores: usize,
    /// The compiler that built the harness.
    pub rustc: &'static str,
    /// The peers with their versions.
    pub peers: &'static str,
}

impl Machine {
    /// The facts of here and now.
    pub fn here() -> Machine {
        let seconds = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
        Machine {
            date: date(seconds / 86_400),
            processor: processor(),
            cores: std::thread::available_parallelism().map_or(1, usize::from),
            rustc: env!("RUSTC_VERSION"),
            peers: env!("PEER_VERSIONS"),
        }
    }

    /// All facts but the peers' versions in one line.
    pub fn line(&self) -> String {
        let plural = if self.cores == 1 { "" } else { "s" };
        format!("{}, {}, {} core{plural}, {}", self.date, self.processor, self.cores, self.rustc)
    }
}

/// Keeps this process, and the children it will have, on one of the processors it may use: those of a
/// virtual machine differ in speed. Where that cannot be done, nothing happens.
#[cfg(target_os = "linux")]
pub fn stay_on_one_processor() {
    use nix::sched::{CpuSet, sched_getaffinity, sched_setaffinity};
    use nix::unistd::Pid;

    let this = Pid::from_raw(0);
    let Ok(allowed) = sched_getaffinity(this) else { return };
    let last = (0..CpuSet::count()).rev().find(|cpu| allowed.is_set(*cpu).unwrap_or(false));
    let mut one = CpuSet::new();
    if last.is_some_and(|cpu| one.set(cpu).is_ok()) {
        let _ = sched_setaffinity(this, &one);
    }
}

/// Likewise; other systems have no such call that is alike.
#[cfg(not(target_os = "linux"))]
pub fn stay_on_one_processor() {}

/// The processor's name, with family, model and stepping where the name alone says little.
fn processor() -> String {
    let text = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let field = |name: &str| {
        text.lines().find_map(|line| {
            let (key, value) = line.split_once(':')?;
            (key.trim() == name).then(|| value.trim())
        })
    };
    match (field("model name"), field("cpu family"), field("model")) {
        (Some(name), Some(family), Some(model)) => {
            format!("{name} (family {family} model {model})")
        }
        (Some(name), _, _) => name.to_owned(),
        _ => std::env::consts::ARCH.to_owned(),
    }
}

/// The date that lies `days` after 1970-01-01, as `YYYY-MM-DD`.
fn date(days: u64) -> String {
    let is_leap = |year: u64| {
        year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400))
    };
    let (mut year, mut rest) = (1970, days);
    loop {
        let length = if is_leap(year) { 366 } else { 365 };
        if rest < length {
            break;
        }
        rest -= length;
        year += 1;
    }
    let february = if is_leap(year) { 29 } else { 28 };
    let mut month = 1;
    for length in [31, february, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31] {
        if rest < length {
            break;
        }
        rest -= length;
        month += 1;
    }
    format!("{year:04}-{month:02}-{:02}", rest + 1)
}

#[cfg(test)]
mod tests {
    use super::date;

    #[test]
    fn days_become_dates_across_leap_years() {
        assert_eq!(date(0), "1970-01-01");
        assert_eq!(date(11_016), "2000-02-29");
        assert_eq!(date(11_017), "2000-03-01");
        assert_eq!(date(20_454), "2026-01-01");
    }
}
