//! `authgate user`.

use authgate_core::error::Result;
use authgate_core::user::{self, Changes, NewUser, Role, UserStatus};
use authgate_core::{db::Tx, secret::Secret};
use clap::{Args, Subcommand};
use serde_json::{Value, json};

use super::answer::{Answer, fields, table};
use super::input;
use super::installation::{Installation, unknown};
use super::password::{Chosen, Password};

#[derive(Subcommand)]
pub enum User {
    /// Create a user who signs in with a password; one of another server may keep theirs
    Create(Create),
    /// List every user
    List,
    /// Show a user
    Show(Named),
    /// Change a user; an empty value clears
    Update(Update),
    /// Let nobody sign in as this user, and end all that was issued to them
    Disable(Named),
    /// Let a disabled user sign in again
    Enable(Named),
    /// Set another password, and end every session and token of the user
    ResetPassword(ResetPassword),
}

#[derive(Args)]
pub struct Create {
    /// Name to sign in with
    #[arg(long)]
    username: String,
    /// E-mail address
    #[arg(long)]
    email: Option<String>,
    /// Name as people know it
    #[arg(long)]
    full_name: Option<String>,
    /// What they may do here: admin or user
    #[arg(long, default_value = "user", value_parser = role)]
    role: Role,
    #[command(flatten)]
    password: Password,
    /// File with the hash of the password they have on another server, or - for stdin: bcrypt or Argon2id
    #[arg(long, value_name = "FILE", conflicts_with = "password_stdin")]
    password_hash_file: Option<String>,
}

#[derive(Args)]
pub struct Update {
    #[command(flatten)]
    user: Named,
    #[command(flatten)]
    fields: Fields,
}

#[derive(Args)]
#[group(required = true, multiple = true)]
pub struct Fields {
    /// E-mail address; another one counts as unverified
    #[arg(long)]
    email: Option<String>,
    /// Whether somebody vouches for the address: true or false
    #[arg(long)]
    email_verified: Option<bool>,
    /// Name as people know it
    #[arg(long)]
    full_name: Option<String>,
    /// What they may do here: admin or user; another role ends every session and token
    #[arg(long, value_parser = role)]
    role: Option<Role>,
    /// File with further claims as a JSON object, or - for stdin; null removes a claim
    #[arg(long, value_name = "FILE")]
    claims: Option<String>,
}

#[derive(Args)]
pub struct ResetPassword {
    #[command(flatten)]
    user: Named,
    #[command(flatten)]
    password: Password,
}

#[derive(Args)]
pub struct Named {
    /// Username or id
    user: String,
}

impl Named {
    fn find(&self, tx: &mut Tx<'_>) -> Result<user::User> {
        user::by_id_or_name(tx, &self.user)?.ok_or_else(|| unknown("user", &self.user))
    }
}

impl User {
    pub fn run(self, installation: &Installation) -> Result<Answer> {
        match self {
            User::Create(create) => create.run(installation),
            User::List => list(installation),
            User::Show(named) => Ok(shown(&installation.read(|tx| named.find(tx))?, None)),
            User::Update(update) => update.run(installation),
            User::Disable(named) => set_status(&named, UserStatus::Disabled, installation),
            User::Enable(named) => set_status(&named, UserStatus::Active, installation),
            User::ResetPassword(reset) => reset.run(installation),
        }
    }
}

impl Create {
    fn run(self, installation: &Installation) -> Result<Answer> {
        let chosen = match &self.password_hash_file {
            Some(file) => Chosen::imported(input::line(file)?)?,
            None => self.password.choose(installation.env().ctx)?,
        };
        let new = NewUser {
            username: self.username,
            email: self.email,
            full_name: self.full_name,
            role: self.role,
            password_hash: Some(chosen.hash),
        };
        let user = installation.write(|tx, env| user::create(tx, new, env.origin, env.ctx))?;
        Ok(shown(&user, chosen.made.as_ref()))
    }
}

impl Update {
    fn run(self, installation: &Installation) -> Result<Answer> {
        let Fields { email, email_verified, full_name, role, claims } = self.fields;
        let claims = claims.as_deref().map(input::json).transpose()?;
        let changes = Changes { email, email_verified, full_name, role, claims };
        let user = installation.write(|tx, env| {
            let user = self.user.find(tx)?;
            user::update(tx, &user, changes, env.origin, env.ctx)?;
            self.user.find(tx)
        })?;
        Ok(shown(&user, None))
    }
}

impl ResetPassword {
    fn run(&self, installation: &Installation) -> Result<Answer> {
        let chosen = self.password.choose(installation.env().ctx)?;
        let user = installation.write(|tx, env| {
            let user = self.user.find(tx)?;
            user::reset_password(tx, &user, &chosen.hash, env.origin, env.ctx)?;
            self.user.find(tx)
        })?;
        Ok(shown(&user, chosen.made.as_ref()))
    }
}

fn set_status(named: &Named, status: UserStatus, installation: &Installation) -> Result<Answer> {
    let user = installation.write(|tx, env| {
        let user = named.find(tx)?;
        user::set_status(tx, &user, status, env.origin, env.ctx)?;
        named.find(tx)
    })?;
    Ok(shown(&user, None))
}

fn list(installation: &Installation) -> Result<Answer> {
    let users = installation.read(user::all)?;
    let row = |user: &user::User| {
        [
            user.username.clone(),
            user.role.as_str().to_owned(),
            user.status.as_str().to_owned(),
            user.email.clone().unwrap_or_default(),
            user.id.clone(),
        ]
    };
    let rows: Vec<_> = users.iter().map(row).collect();
    let text = table(["USERNAME", "ROLE", "STATUS", "EMAIL", "ID"], &rows);
    Ok(Answer::new(text, users.iter().map(object).collect()))
}

fn shown(user: &user::User, made: Option<&Secret>) -> Answer {
    let mut object = object(user);
    if let Some(password) = made {
        object["password"] = password.expose().into();
    }
    Answer::new(fields(&object, &["username", "password", "id", "role", "status"]), object)
}

fn object(user: &user::User) -> Value {
    json!({
        "id": user.id, "username": user.username, "email": user.email, "email_verified": user.email_verified,
        "full_name": user.full_name, "role": user.role, "status": user.status, "auth_source": user.auth_source,
        "claims": user.claims.0,
        "created_at": user.created_at, "updated_at": user.updated_at,
    })
}

fn role(text: &str) -> Result<Role, &'static str> {
    Role::parse(text).ok_or("must be admin or user")
}
