//! The command line: what an operator types, beside a running server or without one.

mod answer;
mod audit;
mod backup;
mod client;
mod configuration;
mod consent;
mod doctor;
mod healthcheck;
mod input;
mod installation;
mod key;
mod migrate;
mod password;
mod restore;
mod token;
mod user;

use std::ffi::OsString;
use std::process::ExitCode;

use clap::error::{ContextKind, ErrorKind};
use clap::{CommandFactory as _, Parser, Subcommand};

use answer::Answer;
use authgate::config::{self, Config};
use authgate::traces::Traces;
use authgate::{environment, logging};
use authgate_core::error::{Error, Result};
use installation::Installation;

/// OAuth 2.1 and OpenID Connect authorization server.
///
/// All configuration comes from environment variables and a file .env; `authgate config docs` lists them.
#[derive(Parser)]
#[command(name = "authgate", bin_name = "authgate")]
struct Cli {
    /// Print JSON, for scripts
    #[arg(long, global = true)]
    json: bool,
    /// Print the version
    #[arg(short, long)]
    version: bool,
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Subcommand)]
enum Command {
    /// Run the server
    #[command(alias = "server")]
    Serve,
    /// Ask a running server whether it is well
    Healthcheck(healthcheck::Healthcheck),
    /// Create the database or bring it up to date
    Migrate,
    /// People who sign in
    #[command(subcommand)]
    User(user::User),
    /// Applications that ask for tokens
    #[command(subcommand)]
    Client(client::Client),
    /// What people allowed clients
    #[command(subcommand)]
    Consent(consent::Consent),
    /// Tokens that were issued
    #[command(subcommand)]
    Token(token::Token),
    /// Keys that sign and verify
    #[command(subcommand)]
    Key(key::Key),
    /// Who did what
    #[command(subcommand)]
    Audit(audit::Audit),
    /// Check the configuration, or list what can be set
    #[command(subcommand)]
    Config(configuration::Configuration),
    /// Look at everything that a running server stands on, and say what to do about what is wrong
    Doctor,
    /// Write a checked copy of the database, beside a running server
    Backup(backup::Backup),
    /// Put a backup in the place of the database; the server must be stopped
    Restore(restore::Restore),
}

/// Runs what `args` say. Returns what belongs on stdout and the exit status, or else the sentence for stderr.
pub fn run(args: impl Iterator<Item = OsString>) -> Result<(String, ExitCode), String> {
    let done = |text: String| Ok((text, ExitCode::SUCCESS));
    let cli = match Cli::try_parse_from(args) {
        Ok(cli) => cli,
        Err(error) if error.kind() == ErrorKind::DisplayHelp => return done(error.to_string()),
        Err(error) => return Err(misuse(&error)),
    };
    if cli.version {
        return done(version());
    }
    let Some(command) = cli.command else { return done(Cli::command().render_help().to_string()) };
    let answer = command.run().map_err(|error| match error {
        Error::Refused(refusal) => refusal.description.into_owned(),
        Error::Failed(cause) => cause,
    })?;
    let status = answer.status();
    Ok((answer.print(cli.json), status))
}

impl Command {
    fn run(self) -> Result<Answer> {
        match self {
            Command::Serve => serve().map(|()| Answer::nothing()),
            Command::Healthcheck(healthcheck) => healthcheck.run(),
            Command::Migrate => migrate::run(&configured()?.0),
            Command::User(user) => user.run(&Installation::open()?),
            Command::Client(client) => client.run(&Installation::open()?),
            Command::Consent(consent) => consent.run(&Installation::open()?),
            Command::Token(token) => token.run(&Installation::open()?),
            Command::Key(key) => key.run(&Installation::open()?),
            Command::Audit(audit) => audit.run(&Installation::open()?),
            Command::Config(configuration) => configuration.run(),
            Command::Doctor => doctor::run(),
            Command::Backup(backup) => backup.run(&configured()?.0),
            Command::Restore(restore) => restore.run(&configured()?.0),
        }
    }
}

/// Runs the server until it is told to stop.
fn serve() -> Result<()> {
    let (config, warnings) = configured()?;
    let traces = config.traces.as_ref().map(Traces::start).transpose()?;
    logging::start(&config.server, traces.as_ref());
    for warning in warnings {
        tracing::warn!("{warning}");
    }
    let ended = authgate::serve::run(config);
    if let Some(traces) = traces {
        traces.stop();
    }
    ended
}

/// The configuration of this process, and what its operator should know.
fn configured() -> Result<(Config, Vec<String>)> {
    let variables = environment::read()?;
    config::load(&|name| variables.get(name).cloned()).map_err(Error::failed)
}

fn misuse(error: &clap::Error) -> String {
    match error.get(ContextKind::InvalidSubcommand) {
        Some(name) => format!("Unknown command: {name}\n\n{}", Cli::command().render_help()),
        None => error.to_string(),
    }
}

fn version() -> String {
    // Set by whoever builds a release.
    let known = |text: Option<&'static str>| text.unwrap_or("unknown");
    format!(
        "AuthGate version {}\ncommit: {}\nbuilt: {}\nrust: {}\nplatform: {}/{}\n",
        env!("CARGO_PKG_VERSION"),
        known(option_env!("AUTHGATE_COMMIT")),
        known(option_env!("AUTHGATE_BUILD_TIME")),
        env!("CARGO_PKG_RUST_VERSION"),
        std::env::consts::OS,
        std::env::consts::ARCH,
    )
}
