//! Rules that a named function is allowed to break, each with its reason.
//!
//! One per line: `function rule where reason...`. `where` is `*` or a list of words joined by
//! `+`, all of which the build's label must hold, such as `aarch64`, `sibling+table` or `opt-s`.
//! An exception that no build in a full check needs is an error: it would hide the next fault.

use crate::Failure;
use crate::rules::{Finding, Rule};

/// One line of the file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Exception {
    /// The function it is for.
    pub function: String,
    /// The rule it may break.
    pub rule: Rule,
    /// Words of the label of the builds it is for; empty for all.
    pub places: Vec<String>,
    /// Why.
    pub reason: String,
    /// Its line in the file.
    pub line: usize,
}

/// All exceptions, and which of them were needed so far.
#[derive(Debug, Clone)]
pub struct Exceptions {
    rows: Vec<Exception>,
    needed: Vec<bool>,
    in_scope: Vec<bool>,
}

impl Exceptions {
    /// Reads the file's text.
    ///
    /// # Errors
    /// [`Failure::Input`] for a line that is not complete or names a rule that does not exist.
    pub fn parse(text: &str) -> Result<Exceptions, Failure> {
        let mut rows = Vec::new();
        for (index, line) in text.lines().enumerate() {
            let line_number = index + 1;
            if line.trim().is_empty() || line.trim_start().starts_with('#') {
                continue;
            }
            let bad =
                |what: String| Failure::Input(format!("exceptions, line {line_number}: {what}"));
            let words: Vec<&str> = line.split_whitespace().collect();
            let [function, rule, place, reason @ ..] = words.as_slice() else {
                return Err(bad("expected `function rule where reason`".into()));
            };
            let rule = Rule::parse(rule).ok_or_else(|| bad(format!("there is no rule {rule}")))?;
            if reason.is_empty() {
                return Err(bad("the reason is missing".into()));
            }
            let places = match *place {
                "*" => Vec::new(),
                words => words.split('+').map(str::to_string).collect(),
            };
            rows.push(Exception {
                function: (*function).to_string(),
                rule,
                places,
                reason: reason.join(" "),
                line: line_number,
            });
        }
        let (needed, in_scope) = (vec![false; rows.len()], vec![false; rows.len()]);
        Ok(Exceptions { rows, needed, in_scope })
    }

    /// Takes out the findings that are allowed in a build with this label. `names` gives all
    /// names of a finding's function.
    pub fn apply(
        &mut self,
        label: &[String],
        findings: Vec<Finding>,
        names: &dyn Fn(&Finding) -> Vec<String>,
    ) -> Vec<Finding> {
        for (index, row) in self.rows.iter().enumerate() {
            self.in_scope[index] |= row.places.iter().all(|place| label.contains(place));
        }
        let mut kept = Vec::new();
        for finding in findings {
            let names = names(&finding);
            let matching: Vec<usize> = (0..self.rows.len())
                .filter(|&index| {
                    let row = &self.rows[index];
                    row.rule == finding.rule
                        && names.contains(&row.function)
                        && row.places.iter().all(|place| label.contains(place))
                })
                .collect();
            if matching.is_empty() {
                kept.push(finding);
            }
            for index in matching {
                self.needed[index] = true;
            }
        }
        kept
    }

    /// The exceptions that some build was in scope of and none needed.
    pub fn unneeded(&self) -> Vec<&Exception> {
        (0..self.rows.len())
            .filter(|&i| self.in_scope[i] && !self.needed[i])
            .map(|i| &self.rows[i])
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn finding(function: &str, rule: Rule) -> Finding {
        Finding {
            function: function.into(),
            rule,
            address: 0,
            instruction: String::new(),
            message: String::new(),
        }
    }

    fn label(text: &str) -> Vec<String> {
        text.split('-').map(str::to_string).collect()
    }

    fn names(finding: &Finding) -> Vec<String> {
        vec![finding.function.clone()]
    }

    #[test]
    fn only_the_named_rule_of_the_named_function_is_allowed() {
        let mut exceptions = Exceptions::parse("f call * because\n").unwrap();
        let all =
            vec![finding("f", Rule::Call), finding("f", Rule::Return), finding("g", Rule::Call)];
        let kept = exceptions.apply(&label("x86_64-sibling-direct"), all, &names);
        assert_eq!(kept, vec![finding("f", Rule::Return), finding("g", Rule::Call)]);
        assert!(exceptions.unneeded().is_empty());
    }

    #[test]
    fn an_exception_that_nothing_needs_is_reported_with_its_line() {
        let mut exceptions = Exceptions::parse("# head\n\nf call * because\n").unwrap();
        exceptions.apply(&label("x86_64-sibling-direct"), vec![], &names);
        assert_eq!(exceptions.unneeded()[0].line, 3);
    }

    #[test]
    fn an_exception_for_another_build_is_neither_used_nor_reported() {
        let mut exceptions = Exceptions::parse("f call sibling+table because\n").unwrap();
        let kept = exceptions.apply(
            &label("x86_64-sibling-direct"),
            vec![finding("f", Rule::Call)],
            &names,
        );
        assert_eq!(kept.len(), 1);
        assert!(exceptions.unneeded().is_empty());
    }

    #[test]
    fn lines_without_reason_or_with_an_unknown_rule_are_refused() {
        assert!(Exceptions::parse("f call *\n").is_err());
        assert!(Exceptions::parse("f calls * because\n").is_err());
    }
}
