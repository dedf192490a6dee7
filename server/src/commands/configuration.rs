//! `authgate config`.

use authgate::config::{IGNORED, Setting, reference};
use authgate::openapi;
use authgate::tls::Certificate;
use authgate_core::context::{Clock as _, SystemClock};
use authgate_core::error::Result;
use clap::Subcommand;
use serde_json::{Value, json};

use super::answer::Answer;
use super::configured;

#[derive(Subcommand)]
pub enum Configuration {
    /// Read the configuration as the server would, and say what is wrong or unwise
    Check,
    /// Print every setting as a page of Markdown
    Docs,
    /// Print the OpenAPI document of a server with this configuration
    Openapi,
}

impl Configuration {
    pub fn run(self) -> Result<Answer> {
        match self {
            Configuration::Check => check(),
            Configuration::Docs => Ok(Answer::new(page(), reference().iter().map(object).collect())),
            // The same with and without `--json`.
            Configuration::Openapi => Ok(Answer::new(openapi::json(&configured()?.0), Value::Null)),
        }
    }
}

fn check() -> Result<Answer> {
    let (config, warnings) = configured()?;
    if let Some(files) = &config.server.tls {
        Certificate::open(files, SystemClock.now_ms() / 1000)?;
    }
    let mut lines = vec![format!("The configuration is valid; the issuer is {}.", config.server.issuer)];
    lines.extend(warnings.iter().map(|warning| format!("Warning: {warning}")));
    let object = json!({
        "issuer": config.server.issuer, "production": config.server.production, "warnings": warnings,
    });
    Ok(Answer::new(lines.join("\n"), object))
}

fn object(setting: &Setting) -> Value {
    json!({
        "name": setting.name, "default": setting.default, "doc": setting.doc, "section": setting.section,
        "secret": setting.secret,
    })
}

const HEAD: &str = "\
# Configuration

Every setting is an environment variable. A file `.env` in the working directory is read as well; what is set in the
environment wins. Blank counts as not set. Booleans are `true`, `1`, `false` or `0`; durations are written as `90s`,
`15m` or `1h30m`. What cannot be read is never replaced by a default: the server reports every problem at once and does
not start. A name that ends in `_FILE` is a file that holds the value. `authgate config check` reads everything without
starting. This page is printed by `authgate config docs`.

The rules of production hold when `ENVIRONMENT` is `production`, or when the issuer is https and not this machine: no
http issuer, no published secret, and no cross-origin requests without a list of origins.
";

const TAIL: &str = r#"
## The file

`CONFIG_FILE` names a TOML file with what does not fit into a variable:

```toml
[scopes]
# What a scope allows, as the consent page says it.
"orders:read" = "See your orders"
# Clients that registered themselves may ask for it.
"orders:write" = { words = "Change your orders", self_registered = true }
# Only people of these roles may give it; for others it is left out.
admin = { words = "Full administrative access", roles = ["admin"] }

[resources]
# Resource indicators (RFC 8707), spelled as they shall stand in `aud`.
orders = "https://api.example.com/orders"
# Clients that registered themselves may ask for it; for resources that are not listed they always may.
mail = { uri = "https://mail.example.com", name = "Mail", self_registered = true }
```

The scopes `openid`, `profile`, `email`, `address`, `phone`, `offline_access`, `read`, `write` and `admin` are there without being listed.
"#;

/// `docs/configuration.md`.
fn page() -> String {
    let settings = reference();
    let sections = settings.chunk_by(|one, next| one.section == next.section).map(section);
    format!("{HEAD}{}{TAIL}{}", sections.collect::<String>(), ignored())
}

/// What people bring along from the reference.
fn ignored() -> String {
    let rows = IGNORED.iter().map(|ignored| {
        let names: Vec<_> = ignored.names.iter().map(|name| format!("`{name}`")).collect();
        format!("| {} | {} |\n", names.join(", "), ignored.reason)
    });
    let rows: String = rows.collect();
    format!("\n## Settings of go-authgate that change nothing here\n\n| setting | why |\n|---|---|\n{rows}")
}

fn section(settings: &[Setting]) -> String {
    let heading = settings.first().map_or("", |setting| setting.section);
    let rows: Vec<_> = settings.iter().map(row).collect();
    format!("\n## {heading}\n\n| setting | default | meaning |\n|---|---|---|\n{}\n", rows.join("\n"))
}

fn row(setting: &Setting) -> String {
    let default = match setting.default.strip_prefix('(').and_then(|text| text.strip_suffix(')')) {
        Some(derived) => derived.to_owned(),
        None if setting.default.is_empty() => String::new(),
        None => format!("`{}`", setting.default),
    };
    format!("| `{}` | {default} | {} |", setting.name, setting.doc)
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_page_in_docs_is_what_the_command_prints() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/configuration.md");
        let written = std::fs::read_to_string(path).unwrap_or_default();
        assert!(written == super::page(), "run: authgate config docs > docs/configuration.md");
    }
}
