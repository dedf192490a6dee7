//! `authgate token`.

use authgate_core::db::Tx;
use authgate_core::env::Env;
use authgate_core::error::{Code, Error, Result};
use authgate_core::family::{self, Presented};
use authgate_core::secret::Secret;
use authgate_core::{jwt, token};
use clap::{Args, Subcommand};
use serde_json::{Value, json};

use super::answer::{Answer, fields};
use super::installation::{Installation, unknown};
use super::password::line;

const FOREIGN: &str = "stdin holds no token of this server";

#[derive(Subcommand)]
pub enum Token {
    /// End an access token, or a refresh token with all that grew from it
    Revoke(Revoke),
}

#[derive(Args)]
#[group(required = true, multiple = false)]
pub struct Revoke {
    /// The `jti` of an access token
    jti: Option<String>,
    /// Read an access or refresh token from the first line of stdin
    #[arg(long)]
    token_stdin: bool,
}

impl Token {
    pub fn run(self, installation: &Installation) -> Result<Answer> {
        let Token::Revoke(Revoke { jti, .. }) = self;
        let object = if let Some(jti) = jti {
            installation.write(|tx, env| end_access(tx, env, &jti))
        } else {
            let token = line()?;
            installation.write(|tx, env| end_presented(tx, env, &token))
        }?;
        Ok(Answer::new(fields(&object, &["revoked"]), object))
    }
}

fn end_presented(tx: &mut Tx<'_>, env: Env<'_>, token: &Secret) -> Result<Value> {
    if let Some(presented) = Presented::parse(token) {
        return end_family(tx, env, &presented);
    }
    let jti = jwt::verify_access(token, env.keys, &env.policy.issuer).map_err(|_| refused(FOREIGN))?;
    end_access(tx, env, &jti)
}

fn end_access(tx: &mut Tx<'_>, env: Env<'_>, jti: &str) -> Result<Value> {
    let found = token::by_jti(tx, jti)?.ok_or_else(|| unknown("token", jti))?;
    if !token::revoke(tx, env, &found, None)? {
        return Err(refused("the token was revoked before"));
    }
    Ok(json!({"revoked": true, "jti": found.jti, "client_id": found.client_id, "sub": found.subject()}))
}

fn end_family(tx: &mut Tx<'_>, env: Env<'_>, presented: &Presented) -> Result<Value> {
    let family = match family::by_id(tx, &presented.family_id)? {
        Some(family) if presented.is_of(&family, env.keys)? => family,
        _ => return Err(refused(FOREIGN)),
    };
    if !family::revoke_by(tx, env, &family, None)? {
        return Err(refused("the token was revoked before"));
    }
    Ok(json!({
        "revoked": true, "family_id": family.id, "client_id": family.client_id, "sub": family.user_id,
    }))
}

fn refused(why: &'static str) -> Error {
    Error::refused(Code::InvalidRequest, why)
}
