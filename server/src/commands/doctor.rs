//! `authgate doctor`: what a running server stands on, looked at from the machine it runs on.

mod address;
mod certificate;
mod clock;
mod configuration;
mod database;
mod disk;
mod fetch;
mod files;
mod finding;
mod issuer;
mod jwks;
mod keys;
mod witness;

use actix_web::rt::System;
use authgate::config::{self, Config};
use authgate::environment;
use authgate_core::error::Result;
use serde_json::Value;

use super::answer::Answer;
use super::installation::context;
use finding::{Finding, Level};

/// Looks at everything. Fails only if not even the environment can be read.
pub fn run() -> Result<Answer> {
    let variables = environment::read()?;
    let mut findings = Vec::new();
    let config = config::load(&|name| variables.get(name).cloned());
    findings.extend(configuration::check(config.as_ref().map(|(_, warnings)| warnings.as_slice())));
    findings.extend(files::named(&variables));
    if let Ok((config, _)) = config {
        findings.extend(installation(&config, context().now()));
    }
    Ok(answer(&findings))
}

/// What can be looked at once the configuration is known.
fn installation(config: &Config, now: i64) -> Vec<Finding> {
    let mut findings = files::of(config);
    findings.extend(disk::check(config.database.folder()));
    let database = database::check(config, now);
    findings.extend(database.findings);
    let held = if database.is_readable { keys::check(config, now) } else { keys::Held::default() };
    findings.extend(held.findings);
    if let Some(tls) = &config.server.tls {
        findings.extend(certificate::of_files(config, tls, now));
    }
    let question = issuer::Question { config, is_running: database.is_running, keys: held.keys.as_ref() };
    findings.extend(System::new().block_on(issuer::check(&question)));
    findings
}

fn answer(findings: &[Finding]) -> Answer {
    let count = |level| findings.iter().filter(|finding| finding.level == level).count();
    let (problems, warnings) = (count(Level::Problem), count(Level::Warning));
    let mut lines: Vec<_> = findings.iter().map(Finding::text).collect();
    lines.push(format!(
        "\n{} looked at: {problems} {}, {warnings} {}.",
        findings.len(),
        if problems == 1 { "problem" } else { "problems" },
        if warnings == 1 { "warning" } else { "warnings" },
    ));
    let objects: Value = findings.iter().map(Finding::object).collect();
    Answer::new(lines.join("\n"), objects).bad_news(problems > 0)
}
