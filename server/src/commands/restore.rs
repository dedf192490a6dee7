//! `authgate restore`.

mod place;

use std::path::{Path, PathBuf};

use authgate::config::Config;
use authgate::{open, policy};
use authgate_core::backup::restored::{self, Ended};
use authgate_core::backup::{self, Contents};
use authgate_core::context::Context;
use authgate_core::db;
use authgate_core::env::Env;
use authgate_core::error::{Code, Error, Result};
use authgate_core::facts::Facts;
use clap::Args;
use serde_json::json;

use super::answer::{Answer, time};
use super::backup::{counted, rows};
use super::installation::{context, origin};
use place::Draft;

#[derive(Args)]
pub struct Restore {
    /// What `authgate backup` wrote
    file: PathBuf,
    /// Replace the database that is there; it is kept under another name
    #[arg(long)]
    replace: bool,
    /// Keep sessions, grants and tokens: what was revoked or superseded since the backup is good again
    #[arg(long)]
    keep_grants: bool,
}

/// What was done, for the answer.
struct Done {
    contents: Contents,
    ended: Ended,
    compromised: Vec<String>,
    before: Option<PathBuf>,
}

impl Restore {
    /// The copy is complete, checked and settled before anything is touched; then it takes the name in one step.
    pub fn run(&self, config: &Config) -> Result<Answer> {
        let (target, ctx) = (&place::real(&config.database.path)?, context());
        let there = target.symlink_metadata().is_ok();
        if there && !self.replace {
            return Err(Error::refused(
                Code::InvalidRequest,
                format!(
                    "there is a database {}: --replace puts it aside and the backup in its place",
                    target.display()
                ),
            ));
        }
        if there {
            drop(place::locked(target)?);
        }
        open::make_folder(config.database.folder()).map_err(|error| {
            Error::failed(format_args!("cannot make {}: {error}", config.database.folder().display()))
        })?;
        let draft = Draft::copy_of(&self.file, target, &ctx)?;
        let contents = backup::examine(draft.path()).map_err(|error| self.unusable(&error))?;
        // One that is damaged cannot be asked.
        let compromised = Some(target).filter(|target| place::is_sqlite(target));
        let compromised = compromised.and_then(|target| db::inspect(target, restored::compromised).ok());
        let (ended, compromised) =
            self.settle(config, draft.path(), compromised.unwrap_or_default(), &ctx)?;
        let before = draft.take_place(target, &ctx)?;
        Ok(self.answer(target, &Done { contents, ended, compromised, before }))
    }

    fn settle(
        &self,
        config: &Config,
        draft: &Path,
        compromised: Vec<String>,
        ctx: &Context,
    ) -> Result<(Ended, Vec<String>)> {
        let opened = open::restored(config, draft, ctx).map_err(|error| self.unusable(&error))?;
        let (policy, origin) = (policy::of(config), origin());
        let (keys, master) = (&opened.keys, &opened.master);
        let env = Env {
            policy: &policy,
            keys,
            master,
            recovery: None,
            origin: &origin,
            ctx,
            facts: &Facts::default(),
        };
        let done = opened.store.write(|tx| {
            let compromised = restored::end_compromised(tx, env, compromised)?;
            Ok((restored::settle(tx, env, self.keep_grants)?, compromised))
        })?;
        opened.store.checkpoint()?;
        Ok(done)
    }

    fn unusable(&self, error: &Error) -> Error {
        Error::failed(format_args!(
            "{} cannot be restored: {error}; nothing was changed",
            self.file.display()
        ))
    }

    fn answer(&self, target: &Path, done: &Done) -> Answer {
        let since = done.contents.newest.map_or_else(|| "the backup".to_owned(), time);
        let Ended { sessions, grants, tokens } = done.ended;
        let mut lines = vec![
            format!("{} is now what {} was at {since}.", target.display(), self.file.display()),
            format!("  {}", counted(&done.contents)),
        ];
        if let Some(before) = &done.before {
            lines.push(format!("The database before it is kept as {}.", before.display()));
        }
        lines.push(if self.keep_grants {
            "Sessions, grants and tokens were kept: what was revoked, signed out or refreshed since then is good again."
                .to_owned()
        } else {
            format!("{sessions} sessions, {grants} grants and {tokens} tokens were ended: people sign in again.")
        });
        for kid in &done.compromised {
            lines.push(format!(
                "The key {kid} had been ended as compromised since then, and was ended again."
            ));
        }
        lines.push(
            "What was changed since then is undone. Do again: passwords and secrets that were reset, people and clients \
             that were disabled or deleted, consents that were withdrawn, keys that were ended as compromised."
                .to_owned(),
        );
        let object = json!({
            "database": target, "newest": done.contents.newest, "rows": rows(&done.contents),
            "kept_as": done.before, "kept_grants": self.keep_grants,
            "ended": {"sessions": sessions, "grants": grants, "tokens": tokens}, "keys_revoked": done.compromised,
        });
        Answer::new(lines.join("\n"), object)
    }
}
