//! Reads settings one by one and remembers every problem and warning on the way.

use std::fs;
use std::ops::RangeInclusive;

use authgate_core::secret::Secret;

use super::parse::{self, Parsed};
use super::problem::{Problem, Problems, shown};
use super::{Config, Setting};

/// Secrets that stand in the reference's documentation: everybody has them.
const PUBLISHED: [&str; 2] =
    ["your-256-bit-secret-change-in-production", "session-secret-change-in-production"];

/// The lookup and what was found out so far.
pub struct Reader<'a> {
    env: &'a dyn Fn(&str) -> Option<String>,
    /// True once the production rules are known to hold.
    pub production: bool,
    problems: Vec<Problem>,
    warnings: Vec<String>,
}

impl<'a> Reader<'a> {
    /// Nothing read yet.
    pub fn new(env: &'a dyn Fn(&str) -> Option<String>) -> Self {
        Self { env, production: false, problems: Vec::new(), warnings: Vec::new() }
    }

    /// The configuration if nothing is wrong with it.
    pub fn finish(self, config: Config) -> Result<(Config, Vec<String>), Problems> {
        if self.problems.is_empty() { Ok((config, self.warnings)) } else { Err(Problems(self.problems)) }
    }

    /// As it is in the environment; a blank value is none.
    fn raw(&self, name: &str) -> Option<String> {
        (self.env)(name).filter(|value| !value.trim().is_empty())
    }

    /// The trimmed value of a variable, if it is set.
    pub fn lookup(&self, name: &str) -> Option<String> {
        self.raw(name).map(|value| value.trim().to_owned())
    }

    /// The text of a setting, if it is set.
    pub fn text(&self, setting: Setting) -> Option<String> {
        self.lookup(setting.name)
    }

    /// Notes that a setting cannot stay as it is.
    pub fn problem(&mut self, setting: Setting, expected: impl Into<String>) {
        let value = match self.raw(setting.name) {
            Some(_) if setting.secret => Some("***".to_owned()),
            Some(value) => Some(shown(&value)),
            None if setting.default.is_empty() => None,
            None => Some(format!("{} (default)", setting.default)),
        };
        self.refuse(Problem { name: setting.name.to_owned(), value, expected: expected.into() });
    }

    /// Notes a problem with something that is not a setting.
    pub fn refuse(&mut self, problem: Problem) {
        self.problems.push(problem);
    }

    /// Notes something the operator should know.
    pub fn warn(&mut self, warning: impl Into<String>) {
        self.warnings.push(warning.into());
    }

    /// True if no problem was found with any of these, so that comparing them makes sense.
    pub fn sound(&self, settings: &[Setting]) -> bool {
        !self.problems.iter().any(|problem| settings.iter().any(|setting| setting.name == problem.name))
    }

    /// The value if the setting is set and can be read.
    pub fn optional<T>(&mut self, setting: Setting, parse: impl Fn(&str) -> Parsed<T>) -> Option<T> {
        let text = self.text(setting)?;
        parse(&text).map_err(|expected| self.problem(setting, expected)).ok()
    }

    /// The value, or the default when it is not set. After a problem the default stands in, so that reading goes on.
    pub fn value<T>(&mut self, setting: Setting, parse: impl Fn(&str) -> Parsed<T>) -> T {
        self.optional(setting, &parse).unwrap_or_else(|| default(setting, parse))
    }

    /// A boolean.
    pub fn switch(&mut self, setting: Setting) -> bool {
        self.value(setting, parse::switch)
    }

    /// A boolean that protects something: switching it off warns.
    pub fn safeguard(&mut self, setting: Setting) -> bool {
        let on = self.switch(setting);
        if !on {
            self.weaker(setting);
        }
        on
    }

    /// A comma separated list.
    pub fn list(&self, setting: Setting) -> Vec<String> {
        parse::list(&self.text(setting).unwrap_or_else(|| setting.default.to_owned()))
    }

    /// A whole number of `range`.
    pub fn integer(&mut self, setting: Setting, range: RangeInclusive<i64>) -> i64 {
        let value = self.optional(setting, |text| parse::integer(text, &range));
        if let (Some(value), Some(text)) =
            (value, self.text(setting).filter(|text| parse::is_exponent_form(text)))
        {
            self.warn(format!("{}={text} is read as {value}; write it without an exponent", setting.name));
        }
        value.unwrap_or_else(|| default(setting, |text| parse::integer(text, &range)))
    }

    /// A whole number that protects by being small: a larger one than the default warns.
    pub fn limit(&mut self, setting: Setting, range: RangeInclusive<i64>) -> i64 {
        let value = self.integer(setting, range.clone());
        if value > default(setting, |text| parse::integer(text, &range)) {
            self.weaker(setting);
        }
        value
    }

    /// A duration of whole seconds; `range` is in seconds.
    pub fn seconds(&mut self, setting: Setting, range: RangeInclusive<i64>) -> i64 {
        self.value(setting, |text| parse::seconds(text, &range))
    }

    /// How long something lives, in seconds: longer than the default warns.
    pub fn lifetime(&mut self, setting: Setting, range: RangeInclusive<i64>) -> i64 {
        let value = self.seconds(setting, range.clone());
        if value > default(setting, |text| parse::seconds(text, &range)) {
            self.weaker(setting);
        }
        value
    }

    /// Warns that a setting is weaker than its default.
    pub fn weaker(&mut self, setting: Setting) {
        let value = self.text(setting).unwrap_or_default();
        let Setting { name, default, .. } = setting;
        self.warn(format!("{name}={value} is weaker than the default ({default})"));
    }

    /// A secret from the variable itself. One that was published counts as none, and is refused in production.
    pub fn inline_secret(&mut self, setting: Setting) -> Option<Secret> {
        let secret = self.raw(setting.name)?;
        self.unpublished(setting, secret)
    }

    /// A secret from the variable, else from the file that `in_file` names.
    pub fn secret(&mut self, setting: Setting, in_file: Setting) -> Option<Secret> {
        let path = self.text(in_file);
        if self.raw(setting.name).is_some() {
            if path.is_some() {
                self.warn(format!("{} and {} are both set; the first wins", setting.name, in_file.name));
            }
            return self.inline_secret(setting);
        }
        match fs::read_to_string(path?) {
            Ok(text) if text.trim().is_empty() => {
                self.problem(in_file, "must name a file that is not empty");
                None
            }
            Ok(text) => self.unpublished(in_file, text.trim_end_matches(['\r', '\n']).to_owned()),
            Err(error) => {
                self.problem(in_file, format!("must name a text file that can be read ({error})"));
                None
            }
        }
    }

    fn unpublished(&mut self, setting: Setting, secret: String) -> Option<Secret> {
        if !PUBLISHED.contains(&secret.trim()) {
            return Some(Secret::new(secret));
        }
        if self.production {
            self.problem(setting, "is a published example; in production set one of your own or none");
        } else {
            self.warn(format!("{} is a published example and counts as not set", setting.name));
        }
        None
    }
}

/// The default of a setting, which is written like any value.
pub fn default<T>(setting: Setting, parse: impl Fn(&str) -> Parsed<T>) -> T {
    parse(setting.default)
        .expect("the default of a setting can be read, as loading an empty environment shows")
}
