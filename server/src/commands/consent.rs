//! `authgate consent`.

use authgate_core::consent;
use authgate_core::db::Tx;
use authgate_core::error::{Code, Error, Result};
use authgate_core::{client, user};
use clap::{Args, Subcommand};
use serde_json::{Value, json};

use super::answer::{Answer, table, time};
use super::installation::{Installation, unknown};

#[derive(Subcommand)]
pub enum Consent {
    /// List the consents that hold, newest first
    List(List),
    /// Take a consent back, and end all that grew from it
    Revoke(Revoke),
}

#[derive(Args)]
pub struct List {
    /// Only those of this user, by username or id
    #[arg(long)]
    user: Option<String>,
    /// Only those to this client
    #[arg(long)]
    client: Option<String>,
}

#[derive(Args)]
pub struct Revoke {
    /// The consent's id
    id: String,
}

impl Consent {
    pub fn run(self, installation: &Installation) -> Result<Answer> {
        match self {
            Consent::List(list) => list.run(installation),
            Consent::Revoke(revoke) => revoke.run(installation),
        }
    }
}

impl List {
    fn run(&self, installation: &Installation) -> Result<Answer> {
        let consents = installation.read(|tx| self.find(tx))?;
        let row = |consent: &Value| {
            let text = |name: &str| consent[name].as_str().unwrap_or_default().to_owned();
            let granted = time(consent["granted_at"].as_i64().unwrap_or_default());
            [text("username"), text("client_name"), text("scope"), granted, text("id")]
        };
        let rows: Vec<_> = consents.iter().map(row).collect();
        Ok(Answer::new(table(["USER", "CLIENT", "SCOPE", "GRANTED", "ID"], &rows), consents.into()))
    }

    fn find(&self, tx: &mut Tx<'_>) -> Result<Vec<Value>> {
        let user = match &self.user {
            Some(name) => Some(user::by_id_or_name(tx, name)?.ok_or_else(|| unknown("user", name))?),
            None => None,
        };
        let mut found = Vec::new();
        for consent in consent::list(tx, user.as_ref().map(|user| user.id.as_str()))? {
            if self.client.as_deref().is_none_or(|client| client == consent.client_id) {
                found.extend(object(tx, &consent)?);
            }
        }
        Ok(found)
    }
}

/// `None` if the consent does not hold any more, because its user or client was disabled or revoked since.
fn object(tx: &mut Tx<'_>, consent: &consent::Consent) -> Result<Option<Value>> {
    let (user, client) = (user::by_id(tx, &consent.user_id)?, client::by_id(tx, &consent.client_id)?);
    let (Some(user), Some(client)) = (user, client) else { return Ok(None) };
    if !consent.holds(&user, &client) {
        return Ok(None);
    }
    let scope: Vec<_> = consent.pairs.0.scopes().into_iter().collect();
    Ok(Some(json!({
        "id": consent.id, "user_id": user.id, "username": user.username, "client_id": client.id,
        "client_name": client.name, "origin": consent.origin, "scope": scope.join(" "),
        "resources": consent.pairs.0.resources(), "granted_at": consent.granted_at,
    })))
}

impl Revoke {
    fn run(&self, installation: &Installation) -> Result<Answer> {
        installation.write(|tx, env| {
            let found = consent::by_id(tx, &self.id)?.ok_or_else(|| unknown("consent", &self.id))?;
            if !consent::withdraw(tx, env, &found, None)? {
                return Err(Error::refused(Code::InvalidRequest, "the consent was taken back before"));
            }
            Ok(())
        })?;
        Ok(Answer::new(format!("revoked consent {}", self.id), json!({"id": self.id, "revoked": true})))
    }
}
