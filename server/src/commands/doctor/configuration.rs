//! The settings, read as the server reads them. Limits that are off or wider than the defaults are among the warnings.

use authgate::config::Problems;

use super::Finding;

const ABOUT: &str = "configuration";

/// Every problem, or every warning.
pub fn check(read: Result<&[String], &Problems>) -> Vec<Finding> {
    match read {
        Err(Problems(problems)) => problems
            .iter()
            .map(|problem| {
                Finding::problem(ABOUT, problem.to_string(), "set it right; nothing else could be looked at")
            })
            .collect(),
        Ok([]) => vec![Finding::fine(ABOUT, "valid, and nowhere weaker than the defaults")],
        Ok(warnings) => warnings
            .iter()
            .map(|warning| {
                Finding::warning(ABOUT, warning, "set it only if you mean it: docs/configuration.md")
            })
            .collect(),
    }
}
