//! Choosing sequences of ops by what profiles gain, and the forms that they have.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use threadle::isa::Op;
use threadle::{Result, isa};

use super::cut::{Trie, cut, dispatched, most_parts, parts};
use super::sites::{Line, Names, Part, Profile, ends, never, op};

/// Sequences that are chosen before everything is cut anew.
const ROUND: usize = 30;
/// Rounds of [`Select::spread`], at most.
const SPREAD_ROUNDS: usize = 4;
/// A sequence has a form besides the one that forwards if more than this part of its places do not have
/// that form; the latter only if at least the second part have it.
const PLAIN_SHARE: f64 = 0.03;
const FORWARDED_SHARE: f64 = 0.2;

/// A sequence under a name for each part, which may say that operands are forwarded.
pub type Form = Vec<String>;

/// The sequences of a list, one per line, comments aside.
pub fn lines(text: &str) -> impl Iterator<Item = &str> {
    text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'))
}

/// What is known without any profile.
pub struct Select {
    /// Sequences that are chosen whatever the profiles say.
    pub always: Vec<Vec<u16>>,
    /// Sequences that no list may have: asm-check refuses their handlers.
    refused: BTreeSet<Vec<u16>>,
    /// Those that may not forward, for the same reason.
    plain: BTreeSet<Vec<u16>>,
}

impl Select {
    pub fn new(names: &Names) -> Result<Select> {
        let read = |text| lines(text).map(|line| names.sequence(line)).collect::<Result<Vec<_>>>();
        Ok(Select {
            always: read(include_str!("always.txt"))?,
            refused: read(include_str!("never.txt"))?.into_iter().collect(),
            plain: read(include_str!("unforwarded.txt"))?.into_iter().collect(),
        })
    }

    fn may_be_fused(&self, sequence: &Vec<u16>) -> bool {
        !self.refused.contains(sequence) && !hides_pc(sequence) && !takes_fuel_and_calls(sequence)
    }

    /// The sequences to fuse: the `always` ones and `count` more, which begin with the op `first` if there is
    /// one. Pairs of neighbours are merged one after the other, the most frequently dispatched first; after
    /// each round the lines are cut anew. What nothing uses in the end is left out. Most used first.
    pub fn choose(
        &self,
        lines: &[Line],
        count: usize,
        mut chosen: BTreeSet<Vec<u16>>,
        first: Option<u16>,
    ) -> Vec<Vec<u16>> {
        let known = chosen.clone();
        chosen.extend(self.always.iter().cloned());
        let count = chosen.len() + count;
        while chosen.len() < count {
            let trie = Trie::new(&chosen);
            let mut pairs: BTreeMap<Vec<u16>, f64> = BTreeMap::new();
            for instructions in dispatched(lines, &trie) {
                for pair in instructions.windows(2) {
                    let [(ahead, _), (behind, count)] = pair else { continue };
                    if ahead.len() + behind.len() <= most_parts(ahead[0])
                        && first.is_none_or(|first| first == ahead[0])
                    {
                        *pairs.entry([&ahead[..], behind].concat()).or_default() += count;
                    }
                }
            }
            let before = chosen.len();
            let fresh = most_frequent(pairs).into_iter().map(|(pair, _)| pair);
            let fresh = fresh.filter(|pair| !known.contains(pair) && self.may_be_fused(pair));
            let fresh: Vec<_> = fresh.filter(|pair| !chosen.contains(pair)).collect();
            chosen.extend(fresh.into_iter().take(ROUND.min(count - before)));
            if chosen.len() == before {
                break;
            }
        }
        let mut used: BTreeMap<Vec<u16>, f64> = BTreeMap::new();
        for (ops, count) in dispatched(lines, &Trie::new(&chosen)).flatten() {
            if ops.len() > 1 && !known.contains(&ops) {
                *used.entry(ops).or_default() += count;
            }
        }
        let always =
            self.always.iter().filter(|it| !used.contains_key(*it) && !known.contains(*it));
        let always: Vec<_> = always.cloned().collect();
        most_frequent(used).into_iter().map(|(ops, _)| ops).chain(always).collect()
    }

    /// The pairs that are dispatched most and that no list has yet, in their forms. The second part stores
    /// its result where there is a choice: that fits also where only the accumulator was asked for.
    pub fn pairs(
        &self,
        count: usize,
        profiles: &[Profile],
        chosen: &BTreeSet<Vec<u16>>,
    ) -> Vec<Form> {
        let mut found: BTreeMap<(Vec<u16>, Form), f64> = BTreeMap::new();
        for profile in profiles {
            for line in &profile.lines {
                for (at, pair) in line.windows(2).enumerate() {
                    if profile.counts(pair[0].count) && !never(pair[1].op) {
                        let group = parts(line, at, &[pair[0].op, stored(pair[1].op)]);
                        let ops = group.iter().map(|part| part.op).collect();
                        *found.entry((ops, forwarded(&group))).or_default() +=
                            pair[0].count / profile.total;
                    }
                }
            }
        }
        let mut plain = self.plain.clone();
        let mut added = Vec::new();
        for ((ops, form), _) in most_frequent(found) {
            if added.len() == count {
                break;
            }
            let forwards = form != unforwarded(&ops);
            // One form that forwards is enough.
            if chosen.contains(&ops) || !self.may_be_fused(&ops) || forwards && plain.contains(&ops)
            {
                continue;
            }
            if forwards {
                plain.insert(ops);
            }
            added.push(form);
        }
        added
    }

    /// The pairs by which programs gain most that nobody profiled, in their forms: those of two ops that
    /// the chosen sequences leave alone, in at least two profiles, by the sum over the profiles of the square
    /// root of the share that they are of a profile's dispatches. What one program does all the time counts
    /// for little then, what many do now and then for much.
    pub fn spread(
        &self,
        count: usize,
        profiles: &[Profile],
        mut chosen: BTreeSet<Vec<u16>>,
    ) -> Vec<Form> {
        let mut added = Vec::new();
        while added.len() < count {
            let trie = Trie::new(&chosen);
            let mut scores: BTreeMap<Vec<u16>, (f64, usize)> = BTreeMap::new();
            let mut forms: HashMap<Vec<u16>, BTreeMap<Form, f64>> = HashMap::new();
            for profile in profiles {
                let mut shares: BTreeMap<Vec<u16>, f64> = BTreeMap::new();
                for line in profile.lines.iter().filter(|line| profile.says_something(line)) {
                    for group in lone_pairs(line, &trie) {
                        let ops: Vec<u16> = group.iter().map(|part| part.op).collect();
                        let share = group[0].count / profile.total;
                        *shares.entry(ops.clone()).or_default() += share;
                        *forms.entry(ops).or_default().entry(forwarded(&group)).or_default() +=
                            share;
                    }
                }
                for (ops, share) in shares {
                    let score = scores.entry(ops).or_default();
                    *score = (score.0 + share.sqrt(), score.1 + 1);
                }
            }
            let fresh = scores.into_iter().filter(|(ops, (_, programs))| {
                *programs > 1 && !chosen.contains(ops) && self.may_be_fused(ops)
            });
            let fresh = most_frequent(fresh.map(|(ops, (score, _))| (ops, score)).collect());
            if fresh.is_empty() {
                break;
            }
            let round = (count - added.len()).min((count / SPREAD_ROUNDS).max(500));
            for (ops, _) in fresh.into_iter().take(round) {
                let places = &forms[&ops];
                let plain = unforwarded(&ops);
                let best =
                    most_frequent(places.clone()).into_iter().next().expect("it was found").0;
                let all: f64 = places.values().sum();
                let forwards = best != plain && !self.plain.contains(&ops);
                added.push(if forwards { best } else { plain.clone() });
                // One more handler for the places where nothing can be forwarded.
                if forwards && places.get(&plain).is_some_and(|own| *own > FORWARDED_SHARE * all) {
                    added.push(plain);
                }
                chosen.insert(ops);
            }
        }
        added
    }

    /// The forms of each sequence that are worth a handler, that which forwards first.
    pub fn forms(&self, listed: &[Vec<u16>], profiles: &[Profile]) -> HashMap<Vec<u16>, Vec<Form>> {
        let trie = Trie::new(listed);
        let mut places: HashMap<Vec<u16>, BTreeMap<Form, f64>> = HashMap::new();
        for profile in profiles {
            for line in &profile.lines {
                for (at, ops) in cut(line, &trie).into_iter().filter(|(_, ops)| ops.len() > 1) {
                    let form = forwarded(&parts(line, at, &ops));
                    *places.entry(ops).or_default().entry(form).or_default() +=
                        line[at].count / profile.total;
                }
            }
        }
        let forms_of = |ops: &Vec<u16>| {
            let plain = unforwarded(ops);
            let found = places.get(ops).cloned().unwrap_or_default();
            let all: f64 = found.values().sum();
            let best = most_frequent(found).into_iter().find(|(form, _)| *form != plain);
            match best {
                Some((form, share))
                    if share >= FORWARDED_SHARE * all && !self.plain.contains(ops) =>
                {
                    let other = (share <= (1.0 - PLAIN_SHARE) * all).then_some(plain);
                    [form].into_iter().chain(other).collect()
                }
                _ => vec![plain],
            }
        };
        listed.iter().map(|ops| (ops.clone(), forms_of(ops))).collect()
    }
}

/// By their counts, the largest first; equal ones in the order of their ops.
fn most_frequent<K: Ord>(counted: BTreeMap<K, f64>) -> Vec<(K, f64)> {
    let mut all: Vec<(K, f64)> = counted.into_iter().collect();
    all.sort_unstable_by(|a, b| b.1.total_cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
    all
}

/// The share of dispatches that remains when these sequences are fused.
pub fn remaining<'a>(lines: &[Line], chosen: impl IntoIterator<Item = &'a Vec<u16>>) -> f64 {
    let trie = Trie::new(chosen);
    let left: f64 = dispatched(lines, &trie).flatten().map(|(_, count)| count).sum();
    let all: f64 = lines.iter().flatten().map(|part| part.count).sum();
    left / all.max(f64::MIN_POSITIVE)
}

/// The form of an op that stores its result, if it has a choice.
fn stored(opcode: u16) -> u16 {
    op(opcode).unstored().map_or(opcode, |op| op as u16)
}

/// Whether an op returns behind a memory access: `pc` would be dead at the access, and the compiler free to
/// use its register, where the fault handler looks for it.
fn hides_pc(sequence: &[u16]) -> bool {
    let access = sequence.iter().position(|part| op(*part).info().attributes.faults);
    let returns = |part: &u16| op(*part).info().family == "return";
    access.is_some_and(|access| sequence[access..].iter().any(returns))
}

/// Whether a sequence takes fuel and calls: such an instruction was measured to take more time than two.
fn takes_fuel_and_calls(sequence: &[u16]) -> bool {
    sequence[0] == Op::ConsumeFuel as u16
        && sequence.iter().any(|part| op(*part).info().attributes.calls)
}

/// The pairs of neighbours that a cut leaves alone, as a pair would have them.
fn lone_pairs(line: &Line, trie: &Trie) -> Vec<Vec<Part>> {
    let cuts = cut(line, trie);
    let pairs = cuts.windows(2).filter(|pair| pair.iter().all(|(_, ops)| ops.len() == 1));
    pairs
        .map(|pair| (pair[0].0, pair[0].1[0], pair[1].1[0]))
        .filter(|(_, first, second)| !ends(*first) && !never(*second))
        .map(|(at, first, second)| parts(line, at, &[first, stored(second)]))
        .collect()
}

/// A sequence's own names.
fn unforwarded(ops: &[u16]) -> Form {
    ops.iter().map(|part| op(*part).info().name.clone()).collect()
}

/// Whether operands of an op can be forwarded, or nothing but its destination keeps a value from being
/// forwarded across it.
fn is_scalar(opcode: u16) -> bool {
    op(opcode).info().attributes.forwards && !never(opcode) || ends(opcode)
}

/// The names of a sequence's parts at a place, with what can be forwarded there.
fn forwarded(group: &[Part]) -> Form {
    let mut written: HashMap<i32, usize> = HashMap::new();
    let mut names = Form::new();
    for (i, part) in group.iter().enumerate() {
        let own = &op(part.op).info().name;
        if !is_scalar(part.op) {
            written.clear();
            names.push(own.clone());
            continue;
        }
        let mut read = part.slots.iter().filter(|slot| !slot.is_written);
        let writes = part.slots.len() - read.clone().count();
        let name = match own.rsplit_once('_') {
            Some((name, letters)) if letters.chars().all(|c| "aslmnik".contains(c)) => {
                let letter = |(k, letter): (usize, char)| match letter {
                    's' if k >= writes => {
                        let writer = read.next().and_then(|slot| written.get(&slot.number));
                        writer.and_then(|part| char::from_digit(*part as u32, 10)).unwrap_or('s')
                    }
                    other => other,
                };
                format!("{name}_{}", letters.chars().enumerate().map(letter).collect::<String>())
            }
            _ => own.clone(),
        };
        debug_assert_eq!(isa::unfused_name(&name), isa::unfused_name(own));
        names.push(name);
        written.extend(part.slots.iter().filter(|it| it.is_written).map(|it| (it.number, i)));
    }
    names
}

#[cfg(test)]
mod tests {
    use super::*;

    fn group(text: &str) -> Vec<Part> {
        let names = Names::new();
        let lines = Profile::parse(text, &names).expect("a profile");
        lines.into_iter().next().expect("a line")
    }

    #[test]
    fn an_operand_is_forwarded_from_the_part_that_wrote_its_slot() {
        let text =
            "0 16 i32_load_sa 0 9 4=\n16 16 i32_add_ssi 0 9 6=,4\n32 16 i32_mul_ass 0 9 6,5\n";
        assert_eq!(forwarded(&group(text)), ["i32_load_sa", "i32_add_s0i", "i32_mul_a1s"]);
    }

    #[test]
    fn nothing_is_forwarded_across_what_is_not_scalar() {
        let text =
            "0 16 i32_load_sa 0 9 4=\n16 16 v128_not_ss 0 9 8=,10\n32 16 i32_add_asi 0 9 4\n";
        assert_eq!(forwarded(&group(text))[2], "i32_add_asi");
    }

    #[test]
    fn a_return_behind_an_access_is_not_fused_with_it() {
        let names = Names::new();
        let sequence = |text| names.sequence(text).expect("ops");
        assert!(hides_pc(&sequence("i32_load_al ret_a")));
        assert!(!hides_pc(&sequence("i32_add_ali ret_a")));
    }
}
