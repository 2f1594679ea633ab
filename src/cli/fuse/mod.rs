//! `threadle fuse`: which sequences of instructions become one, chosen from profiles.

mod cut;
mod select;
mod sites;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fs;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use threadle::isa::{OPS, Op, PLAIN_COUNT};
use threadle::{Context, Result};

use super::output::{self, Output};
use select::{Form, Select, lines, remaining};
use sites::{Line, Names, Profile};

/// Into how many parts families of profiles are divided to be held out.
const FOLDS: usize = 4;

/// Arguments of `threadle fuse`.
///
/// Prints a list for `THREADLE_FUSED_LIST`: what it is added to, and then what the profiles ask for. See
/// docs/tuning.md.
#[derive(Args)]
pub struct Fuse {
    /// Choose N sequences, of up to six instructions, by how often they are dispatched
    #[arg(long, value_name = "N", default_value_t = 500)]
    sequences: usize,

    /// Choose N pairs more, for what comes behind other instructions in other programs
    #[arg(long, value_name = "N", default_value_t = 300)]
    pairs: usize,

    /// Choose N pairs by what programs gain that nobody profiled, and nothing else
    #[arg(long, value_name = "N")]
    spread: Option<usize>,

    /// Choose N sequences that begin with `consume_fuel`, and nothing else, from profiles of programs that have fuel
    #[arg(long, value_name = "N", conflicts_with = "spread")]
    metered: Option<usize>,

    /// Add to the list in FILE, instead of to that of this build
    #[arg(long, value_name = "FILE", conflicts_with = "only")]
    list: Option<PathBuf>,

    /// Add to no list: fused instructions for these profiles alone
    #[arg(long)]
    only: bool,

    /// Print no list, but how many of their dispatches remain to programs whose family (what their files'
    /// names begin with, up to `-` or `.`) is left out when sequences are chosen, a quarter at a time
    #[arg(long, conflicts_with_all = ["spread", "metered", "list", "only"])]
    held_out: bool,

    /// What `threadle profile --sites` wrote; every profile weighs the same, or WEIGHT times as much
    #[arg(value_name = "PROFILE[=WEIGHT]", required = true)]
    profiles: Vec<String>,
}

impl Fuse {
    pub fn execute(self) -> Result<ExitCode> {
        let names = Names::new();
        let select = Select::new(&names)?;
        let profiles: Vec<Profile> = self
            .profiles
            .iter()
            .map(|argument| Profile::read(argument, &names))
            .collect::<Result<_>>()?;
        let mut output = Output::new();
        if self.held_out {
            for line in held_out(&select, &names, self.sequences, self.pairs, profiles) {
                output.line(line)?;
            }
            output.finish()?;
            return Ok(ExitCode::SUCCESS);
        }
        let base = self.base()?;
        let known: BTreeSet<Vec<u16>> = base
            .iter()
            .filter(|line| !line.ends_with(" again"))
            .map(|line| names.sequence(line))
            .collect::<Result<_>>()?;
        output.line("# Fused ops: sequences of ops that are dispatched as one. Chosen by `threadle fuse` from")?;
        output.line("# profiles; see docs/tuning.md.")?;
        for line in &base {
            output.line(line)?;
        }
        let weighed: Vec<Line> = profiles.iter().flat_map(Profile::weighed).collect();
        let mut chosen = known.clone();
        let fresh = match (self.spread, self.metered) {
            (Some(count), _) => select.spread(count, &profiles, known),
            (None, Some(count)) => {
                let meter = Some(Op::ConsumeFuel as u16);
                let listed = select.choose(&weighed, count, known, meter);
                let forms = select.forms(&listed, &profiles);
                let again = again(&names, &forms)?;
                listed.iter().flat_map(|ops| forms[ops].iter().cloned()).chain(again).collect()
            }
            (None, None) => {
                let listed = select.choose(&weighed, self.sequences, known, None);
                let forms = select.forms(&listed, &profiles);
                chosen.extend(listed.iter().cloned());
                let again = if self.only { again(&names, &forms)? } else { Vec::new() };
                let listed = listed.iter().flat_map(|ops| forms[ops].iter().cloned());
                let pairs = select.pairs(self.pairs, &profiles, &chosen);
                listed.chain(pairs).chain(again).collect()
            }
        };
        for form in &fresh {
            let ops = form.iter().filter(|part| *part != "again").map(|part| names.find(part));
            chosen.insert(ops.collect::<Result<_>>()?);
            output.line(form.join(" "))?;
        }
        output.finish()?;
        output::to_stderr(&format!(
            "{} sequences; of the dispatches in the profiles {:.3} remain",
            base.len() + fresh.len(),
            remaining(&weighed, &chosen)
        ));
        Ok(ExitCode::SUCCESS)
    }

    /// The lines of the list that is added to.
    fn base(&self) -> Result<Vec<String>> {
        if self.only {
            return Ok(Vec::new());
        }
        let Some(path) = &self.list else {
            let own = OPS[PLAIN_COUNT..].iter();
            return Ok(own.map(|op| op.name.replace("__", " ")).collect());
        };
        let text =
            fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
        Ok(lines(&text).map(String::from).collect())
    }
}

/// The forms for loops of one instruction, of those among the sequences that are known to be loops.
fn again(names: &Names, forms: &HashMap<Vec<u16>, Vec<Form>>) -> Result<Vec<Form>> {
    let mut all = Vec::new();
    for line in lines(include_str!("again.txt")) {
        let found = forms.get(&names.sequence(line)?);
        all.extend(
            found
                .into_iter()
                .flatten()
                .map(|form| form.iter().cloned().chain(["again".to_owned()]).collect::<Form>()),
        );
    }
    Ok(all)
}

/// What remains of the dispatches of programs that ops are not chosen for.
fn held_out(
    select: &Select,
    names: &Names,
    sequences: usize,
    pairs: usize,
    mut profiles: Vec<Profile>,
) -> Vec<String> {
    let family = |profile: &Profile| profile.name.split(['-', '.']).next().unwrap_or("").to_owned();
    let mut numbers: BTreeMap<String, usize> = BTreeMap::new();
    for profile in &profiles {
        numbers.insert(family(profile), 0);
    }
    for (number, (_, place)) in numbers.iter_mut().enumerate() {
        *place = number % FOLDS;
    }
    let (mut text, mut seen, mut unseen) = (Vec::new(), Vec::new(), Vec::new());
    for fold in 0..FOLDS {
        let (held, others): (Vec<Profile>, Vec<Profile>) =
            profiles.into_iter().partition(|profile| numbers[&family(profile)] == fold);
        let lines: Vec<Line> = others.iter().flat_map(Profile::weighed).collect();
        let mut chosen: BTreeSet<Vec<u16>> =
            select.choose(&lines, sequences, BTreeSet::new(), None).into_iter().collect();
        let more = select.pairs(pairs, &others, &chosen);
        chosen.extend(more.iter().filter_map(|form| names.sequence(&form.join(" ")).ok()));
        for profile in &others {
            seen.push(remaining(&profile.weighed(), &chosen));
        }
        for profile in &held {
            let left = remaining(&profile.weighed(), &chosen);
            text.push(format!("{left:.3}  {}", profile.name));
            unseen.push(left);
        }
        profiles = others;
        profiles.extend(held);
    }
    for (name, shares) in [("seen", seen), ("not seen", unseen)] {
        let logarithms: f64 = shares.iter().map(|share| share.ln()).sum();
        let mean = (logarithms / shares.len().max(1) as f64).exp();
        text.push(format!("{mean:.3}  mean of programs {name}"));
    }
    text
}
