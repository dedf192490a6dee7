//! What is wrong with a configuration.

use std::fmt;

/// One setting that cannot stay as it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The environment name, or the file and the key in it.
    pub name: String,
    /// What it is now, `***` for secrets; `None` if it is not set.
    pub value: Option<String>,
    /// What would be right.
    pub expected: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.value {
            Some(value) => write!(f, "{}={}: {}", self.name, value.escape_debug(), self.expected),
            None => write!(f, "{} is not set: {}", self.name, self.expected),
        }
    }
}

/// Everything that is wrong, so that one start shows it all.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problems(pub Vec<Problem>);

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Invalid configuration:")?;
        self.0.iter().try_for_each(|problem| write!(f, "\n  {problem}"))
    }
}

impl std::error::Error for Problems {}

/// A value as a problem may show it: without the user and password of a URL.
pub(super) fn shown(value: &str) -> String {
    match (value.find("://"), value.rfind('@')) {
        (Some(scheme), Some(at)) if scheme < at => format!("{}***{}", &value[..scheme + 3], &value[at..]),
        _ => value.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_line_each_with_name_value_and_what_is_right() {
        let problem = |name: &str, value: Option<&str>| Problem {
            name: name.into(),
            value: value.map(Into::into),
            expected: "must be so".into(),
        };
        let problems = Problems(vec![problem("A", Some("x\ny")), problem("B", None)]);
        assert_eq!(
            problems.to_string(),
            "Invalid configuration:\n  A=x\\ny: must be so\n  B is not set: must be so"
        );
    }

    #[test]
    fn a_password_in_a_url_is_not_shown() {
        assert_eq!(shown("https://joe:hunter2@host/x@y"), "https://***@y");
        assert_eq!(shown("a@b"), "a@b");
    }
}
