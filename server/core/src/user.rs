//! People who sign in.

mod change;
mod password;

use serde_json::Value as JsonValue;

use crate::audit::{Event, Origin};
use crate::context::Context;
use crate::db::{Json, Tx, params, row, text_enum};
use crate::error::{Code, Error, Result};
use crate::session;

pub use change::{Changes, update};
pub use password::{
    check_password, check_password_hash, hash_password, is_foreign, random_password, verify_password,
};

/// Where users sign in whose password is stored here.
const LOCAL: &str = "local";
/// Longest username, in bytes: it is looked up and logged.
const MAX_NAME: usize = 100;
/// Longest full name, in bytes: it goes into tokens.
const MAX_FULL_NAME: usize = 200;

text_enum! {
    /// What a user may do on this server itself.
    pub enum Role {
        /// Everything.
        Admin = "admin",
        /// Look after their own account.
        User = "user",
    }
}

text_enum! {
    /// Whether a user may sign in.
    pub enum UserStatus {
        /// Yes.
        Active = "active",
        /// No, and nothing issued before counts.
        Disabled = "disabled",
    }
}

row! {
    /// A user.
    pub struct User in "users" {
        /// UUID version 7.
        id: String,
        /// As shown.
        username: String,
        /// As compared: lower case.
        username_key: String,
        /// As shown.
        email: Option<String>,
        /// As compared: lower case.
        email_key: Option<String>,
        /// Somebody vouched for the address.
        email_verified: bool,
        /// Argon2id in PHC form, or bcrypt until an imported user signs in; none for users of other sources.
        password_hash: Option<String>,
        /// What they may do here.
        role: Role,
        /// Their name.
        full_name: Option<String>,
        /// Their picture.
        avatar_url: Option<String>,
        /// Standard claims beyond the columns, such as `address` and `phone_number`.
        claims: Json<JsonValue>,
        /// Whether they may sign in.
        status: UserStatus,
        /// Which backend checks their password: `local` or a plugin's id.
        auth_source: String,
        /// Their id there.
        external_id: Option<String>,
        /// Raised by disable, reset, delete and revoke-all: whatever was issued before is dead.
        epoch: i64,
        /// Unix seconds.
        created_at: i64,
        /// Unix seconds.
        updated_at: i64,
    }
}

/// What a new user is made of.
#[derive(Clone, Debug)]
pub struct NewUser {
    /// Name to sign in with.
    pub username: String,
    /// Address, if known.
    pub email: Option<String>,
    /// Full name, if known.
    pub full_name: Option<String>,
    /// What they may do here.
    pub role: Role,
    /// From [`hash_password`], or imported and accepted by [`check_password_hash`].
    pub password_hash: Option<String>,
}

/// How names and addresses are compared.
pub fn key(text: &str) -> String {
    text.trim().to_lowercase()
}

/// Without a colon, a name can never look like the subject of a client (deviation D45).
fn check_username(name: &str) -> Result<()> {
    let plain = |c: char| c.is_alphanumeric() || matches!(c, '.' | '_' | '-' | '@' | '+');
    if name.is_empty() || name.len() > MAX_NAME || !name.chars().all(plain) {
        return Err(invalid("a username has 1 to 100 bytes of letters, digits and the signs . _ - @ +"));
    }
    Ok(())
}

fn check_email(email: &str) -> Result<()> {
    let host = email.split_once('@').filter(|(name, _)| !name.is_empty()).map_or("", |(_, host)| host);
    let strange = |c: char| c.is_whitespace() || c.is_control();
    // RFC 5321 4.5.3.1.3 bounds a path at 256 bytes with its angle brackets.
    if host.is_empty() || email.len() > 254 || email.contains(strange) {
        return Err(invalid("the e-mail address must look like name@host"));
    }
    Ok(())
}

fn check_full_name(name: &str) -> Result<()> {
    if name.len() > MAX_FULL_NAME || name.chars().any(char::is_control) {
        return Err(invalid("a full name has at most 200 bytes and no control characters"));
    }
    Ok(())
}

fn invalid(description: &'static str) -> Error {
    Error::refused(Code::InvalidRequest, description)
}

/// Stores a new user.
pub fn create(tx: &mut Tx<'_>, new: NewUser, origin: &Origin, ctx: &Context) -> Result<User> {
    check_username(&new.username)?;
    let email = new.email.filter(|email| !email.is_empty());
    let full_name = new.full_name.filter(|name| !name.is_empty());
    email.as_deref().map_or(Ok(()), check_email)?;
    full_name.as_deref().map_or(Ok(()), check_full_name)?;
    if by_username(tx, &new.username)?.is_some() {
        return Err(invalid("username already exists"));
    }
    if let Some(email) = &email {
        let taken: Option<(String,)> =
            tx.one("SELECT id FROM users WHERE email_key = ?1", params![key(email)])?;
        if taken.is_some() {
            return Err(invalid("email already in use by another user"));
        }
    }
    let user = User {
        id: ctx.id().to_string(),
        username_key: key(&new.username),
        username: new.username,
        email_key: email.as_deref().map(key),
        email,
        email_verified: false,
        password_hash: new.password_hash,
        role: new.role,
        full_name,
        avatar_url: None,
        claims: Json(serde_json::json!({})),
        status: UserStatus::Active,
        auth_source: LOCAL.into(),
        external_id: None,
        epoch: 1,
        created_at: ctx.now(),
        updated_at: ctx.now(),
    };
    user.insert(tx)?;
    let details = serde_json::json!({"username": user.username, "email": user.email, "role": user.role});
    Event::info("USER_CREATED", "User created by admin")
        .on("USER", &user.id)
        .called(&user.username)
        .with(details)
        .write(tx, origin, ctx)?;
    Ok(user)
}

fn select(tx: &mut Tx<'_>, rest: &str, value: &str) -> Result<Option<User>> {
    tx.one(&format!("SELECT {} FROM users WHERE {rest} = ?1", User::COLUMNS), params![value])
}

/// The user with this id.
pub fn by_id(tx: &mut Tx<'_>, id: &str) -> Result<Option<User>> {
    select(tx, "id", id)
}

/// The user with this name, in any letter case.
pub fn by_username(tx: &mut Tx<'_>, username: &str) -> Result<Option<User>> {
    select(tx, "username_key", &key(username))
}

/// The user with this id or name. The id wins, since somebody may choose a name that looks like another's id.
pub fn by_id_or_name(tx: &mut Tx<'_>, text: &str) -> Result<Option<User>> {
    match by_id(tx, text)? {
        Some(user) => Ok(Some(user)),
        None => by_username(tx, text),
    }
}

/// Every user, oldest first.
pub fn all(tx: &mut Tx<'_>) -> Result<Vec<User>> {
    tx.all(&format!("SELECT {} FROM users ORDER BY id", User::COLUMNS), &[])
}

/// The epoch of this user if they are active.
pub fn active_epoch(tx: &mut Tx<'_>, id: &str) -> Result<Option<i64>> {
    let found: Option<(i64,)> =
        tx.one("SELECT epoch FROM users WHERE id = ?1 AND status = 'active'", params![id])?;
    Ok(found.map(|(epoch,)| epoch))
}

/// A refusal if nobody could look after this server without this user.
fn another_admin(tx: &mut Tx<'_>, user: &User) -> Result<()> {
    if user.role != Role::Admin {
        return Ok(());
    }
    let others: Option<(i64,)> = tx.one(
        "SELECT COUNT(*) FROM users WHERE role = 'admin' AND status = 'active' AND id <> ?1",
        params![&user.id],
    )?;
    if others == Some((0,)) {
        return Err(invalid("cannot remove the last admin user"));
    }
    Ok(())
}

/// Disables or enables a user. Disabling raises the epoch, which ends everything; the last active admin stays.
pub fn set_status(
    tx: &mut Tx<'_>,
    user: &User,
    status: UserStatus,
    origin: &Origin,
    ctx: &Context,
) -> Result<()> {
    if status == UserStatus::Disabled {
        another_admin(tx, user)?;
    }
    let changed = tx.execute(
        "UPDATE users SET status = ?1, epoch = epoch + 1, updated_at = ?2 WHERE id = ?3 AND status <> ?1",
        params![status, ctx.now(), &user.id],
    )?;
    if changed == 0 {
        return Err(Error::refused(Code::InvalidRequest, format!("user is already {}", status.as_str())));
    }
    session::end_all(tx, &user.id, ctx)?;
    let event = match status {
        UserStatus::Disabled => Event::warning("USER_DISABLED", "User account disabled by admin"),
        UserStatus::Active => Event::info("USER_ENABLED", "User account enabled by admin"),
    };
    let details = serde_json::json!({"username": user.username, "is_active": status == UserStatus::Active});
    event.on("USER", &user.id).called(&user.username).with(details).write(tx, origin, ctx)
}

/// Sets a password on behalf of an admin. Raises the epoch, which ends every session and token.
pub fn reset_password(
    tx: &mut Tx<'_>,
    user: &User,
    hash: &str,
    origin: &Origin,
    ctx: &Context,
) -> Result<()> {
    if user.auth_source != LOCAL {
        return Err(invalid("the password of this user is kept elsewhere, so it cannot be set here"));
    }
    tx.execute(
        "UPDATE users SET password_hash = ?1, epoch = epoch + 1, updated_at = ?2 WHERE id = ?3",
        params![hash, ctx.now(), &user.id],
    )?;
    session::end_all(tx, &user.id, ctx)?;
    Event::warning("USER_PASSWORD_RESET", "User password reset by admin")
        .on("USER", &user.id)
        .called(&user.username)
        .write(tx, origin, ctx)
}

/// Puts our own hash of a password that was just verified in the place of an imported one. The password stays the same,
/// so nothing that was issued ends; whatever was stored meanwhile wins.
pub fn upgrade_password(
    tx: &mut Tx<'_>,
    user: &User,
    hash: &str,
    origin: &Origin,
    ctx: &Context,
) -> Result<()> {
    let changed = tx.execute(
        "UPDATE users SET password_hash = ?1, updated_at = ?2 WHERE id = ?3 AND password_hash = ?4",
        params![hash, ctx.now(), &user.id, &user.password_hash],
    )?;
    if changed == 0 {
        return Ok(());
    }
    Event::info("USER_PASSWORD_UPGRADED", "Imported password hash replaced by Argon2id")
        .by(&user.id)
        .on("USER", &user.id)
        .called(&user.username)
        .write(tx, origin, ctx)
}

/// Ends every session and token of a user by raising the epoch.
pub fn revoke_all(tx: &mut Tx<'_>, user: &User, origin: &Origin, ctx: &Context) -> Result<()> {
    tx.execute(
        "UPDATE users SET epoch = epoch + 1, updated_at = ?1 WHERE id = ?2",
        params![ctx.now(), &user.id],
    )?;
    session::end_all(tx, &user.id, ctx)?;
    Event::warning("USER_TOKENS_REVOKED_ALL", "All sessions and tokens of the user revoked")
        .by(&user.id)
        .on("USER", &user.id)
        .called(&user.username)
        .write(tx, origin, ctx)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::Database;

    fn new(username: &str) -> NewUser {
        NewUser {
            username: username.into(),
            email: None,
            full_name: None,
            role: Role::User,
            password_hash: None,
        }
    }

    fn create(database: &Database, new: NewUser) -> Result<User> {
        database.write(|tx, origin, ctx| super::create(tx, new, origin, ctx))
    }

    fn refusal(result: Result<User>) -> String {
        let error = result.expect_err("it must be refused");
        assert_eq!(error.code(), Some(Code::InvalidRequest));
        error.to_string()
    }

    #[test]
    fn usernames_as_people_have_them() {
        let database = Database::new();
        for name in [
            "alice",
            "Bob.Miller",
            "carol@example.com",
            "d+1",
            "\u{e9}milie",
            "\u{6674}\u{5b50}",
            &"x".repeat(100),
        ] {
            assert_eq!(create(&database, new(name)).unwrap().username, name);
        }
    }

    #[test]
    fn d45_no_username_looks_like_a_client() {
        let database = Database::new();
        for name in ["client:1", "CLIENT:1", "client\u{ff1a}1", "client:", ":", "x:y"] {
            assert!(refusal(create(&database, new(name))).contains("a username has"), "{name}");
        }
        assert!(create(&database, new("client")).is_ok());
    }

    #[test]
    fn adv_27_no_username_breaks_a_line_or_a_cell() {
        let database = Database::new();
        let long = "x".repeat(101);
        for name in [
            "",
            " ",
            "a b",
            "a\nb",
            "a\0",
            "=1",
            "a,b",
            "a\"b",
            "<b>",
            "a'--",
            "\u{202e}evil",
            "a\u{200b}b",
            &long,
        ] {
            assert!(refusal(create(&database, new(name))).contains("a username has"), "{name:?}");
        }
    }

    #[test]
    fn adv_21_one_account_in_every_letter_case() {
        let database = Database::new();
        let alice =
            create(&database, NewUser { email: Some("Alice@Example.com".into()), ..new("Alice") }).unwrap();
        assert_eq!(
            (alice.username_key.as_str(), alice.email_key.as_deref()),
            ("alice", Some("alice@example.com"))
        );
        assert!(refusal(create(&database, new("aLICE"))).contains("username already exists"));
        let same = NewUser { email: Some("ALICE@example.COM".into()), ..new("bob") };
        assert!(refusal(create(&database, same)).contains("email already in use"));
        let found = database.write(|tx, _, _| by_username(tx, "ALICE")).unwrap();
        assert_eq!(found.map(|user| user.id), Some(alice.id));
        assert_eq!(database.events(), ["USER_CREATED"], "what is refused leaves nothing");
    }

    #[test]
    fn addresses_have_a_name_and_a_host() {
        let database = Database::new();
        let with = |email: &str| NewUser { email: Some(email.into()), ..new("alice") };
        for email in ["a", "@", "a@", "@b", "a @b", "a@b\n", "a@b c", &format!("a@{}", "b".repeat(253))] {
            assert!(refusal(create(&database, with(email))).contains("name@host"), "{email:?}");
        }
        assert_eq!(create(&database, with("")).unwrap().email, None);
    }

    #[test]
    fn adv_02_disable_enable_and_reset_raise_the_epoch() {
        let database = Database::new();
        let id = create(&database, new("alice")).unwrap().id;
        let now = || database.write(|tx, _, _| by_id(tx, &id)).unwrap().unwrap();
        let active = || database.write(|tx, _, _| active_epoch(tx, &id)).unwrap();
        let set = |status| {
            let user = now();
            database.write(|tx, origin, ctx| set_status(tx, &user, status, origin, ctx))
        };
        assert_eq!(active(), Some(1));
        set(UserStatus::Disabled).unwrap();
        assert_eq!((active(), now().epoch), (None, 2));
        assert!(set(UserStatus::Disabled).is_err());
        set(UserStatus::Active).unwrap();
        assert_eq!(active(), Some(3));
        let user = now();
        database.write(|tx, origin, ctx| reset_password(tx, &user, "hash", origin, ctx)).unwrap();
        assert_eq!((active(), now().password_hash.as_deref()), (Some(4), Some("hash")));
    }

    #[test]
    fn an_imported_hash_is_replaced_once_and_never_a_newer_one() {
        let database = Database::new();
        let imported = NewUser { password_hash: Some("imported".into()), ..new("alice") };
        let user = create(&database, imported).unwrap();
        let upgrade =
            |to| database.write(|tx, origin, ctx| upgrade_password(tx, &user, to, origin, ctx)).unwrap();
        upgrade("first");
        upgrade("second");
        let now = database.write(|tx, _, _| by_id(tx, &user.id)).unwrap().unwrap();
        assert_eq!((now.password_hash.as_deref(), now.epoch), (Some("first"), user.epoch));
        let upgrades = database.events().iter().filter(|kind| *kind == "USER_PASSWORD_UPGRADED").count();
        assert_eq!(upgrades, 1);
    }

    #[test]
    fn d44_a_password_that_is_kept_elsewhere_is_not_set_here() {
        let database = Database::new();
        let user = User { auth_source: "github".into(), ..create(&database, new("alice")).unwrap() };
        let refused = database.write(|tx, origin, ctx| reset_password(tx, &user, "hash", origin, ctx));
        assert!(refused.unwrap_err().to_string().contains("kept elsewhere"));
    }

    #[test]
    fn adv_35_one_active_admin_stays() {
        let database = Database::new();
        let admin = |name: &str| create(&database, NewUser { role: Role::Admin, ..new(name) }).unwrap();
        let (one, two) = (admin("one"), admin("two"));
        let disable = |user: &User| {
            database.write(|tx, origin, ctx| set_status(tx, user, UserStatus::Disabled, origin, ctx))
        };
        disable(&one).unwrap();
        assert!(disable(&two).unwrap_err().to_string().contains("last admin"));
    }
}
