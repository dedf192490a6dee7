//! One thing that was looked at.

use serde_json::{Value, json};

use super::super::answer::plain;

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Level {
    /// As it should be.
    Fine,
    /// It works, and may not for long or for everybody.
    Warning,
    /// It does not work, or is not safe.
    Problem,
}

impl Level {
    fn as_str(self) -> &'static str {
        match self {
            Level::Fine => "ok",
            Level::Warning => "warning",
            Level::Problem => "problem",
        }
    }
}

/// What was found, and what to do about it.
#[derive(Clone, Debug)]
pub struct Finding {
    /// How bad it is.
    pub level: Level,
    about: &'static str,
    found: String,
    advice: String,
}

impl Finding {
    /// As it should be.
    pub fn fine(about: &'static str, found: impl Into<String>) -> Self {
        Self { level: Level::Fine, about, found: found.into(), advice: String::new() }
    }

    /// Something to do before it becomes a problem.
    pub fn warning(about: &'static str, found: impl Into<String>, advice: impl Into<String>) -> Self {
        Self { level: Level::Warning, about, found: found.into(), advice: advice.into() }
    }

    /// Something to do now.
    pub fn problem(about: &'static str, found: impl Into<String>, advice: impl Into<String>) -> Self {
        Self { level: Level::Problem, ..Self::warning(about, found, advice) }
    }

    /// For people: one line what was found, one what to do.
    pub fn text(&self) -> String {
        let found = format!("{:<8} {:<13} {}", self.level.as_str(), self.about, plain(&self.found));
        if self.advice.is_empty() { found } else { format!("{found}\n{:22} -> {}", "", plain(&self.advice)) }
    }

    /// For scripts.
    pub fn object(&self) -> Value {
        json!({"about": self.about, "level": self.level.as_str(), "found": self.found, "do": self.advice})
    }
}
