//! Browser sessions: a session is a row, the cookie holds a sealed handle (`sessions-and-consent.md`).

use crate::context::Context;
use crate::db::{Tx, params, row, text_enum};
use crate::env::Env;
use crate::error::Result;
use crate::facts::Fact;
use crate::family;
use crate::logout;
use crate::master::Master;
use crate::secret::{Secret, base64url, same, sha256};
use crate::user::{User, UserStatus};

text_enum! {
    /// Whether a session may be live.
    pub enum SessionStatus {
        /// It may.
        Active = "active",
        /// Signed out.
        Ended = "ended",
    }
}

row! {
    /// A browser that somebody signed in with.
    pub struct Session in "sessions" {
        /// Its public id.
        id: String,
        /// SHA-256 of the handle in the cookie.
        handle_hash: String,
        /// Who signed in.
        user_id: String,
        /// Their epoch at the time.
        user_epoch: i64,
        /// Unix seconds of the last login.
        auth_time: i64,
        /// By what means, as JSON.
        amr: String,
        /// How.
        acr: String,
        /// The key of this session's form tokens.
        csrf_secret: Secret,
        /// Survives the browser's closing.
        remember: bool,
        /// Browser family and system.
        browser: String,
        /// Address at the login.
        address: String,
        /// Whether it may be live.
        status: SessionStatus,
        /// Unix seconds.
        created_at: i64,
        /// Unix seconds, at most a minute old.
        last_seen_at: i64,
        /// Unix seconds at which it ends unless it is used.
        idle_until: i64,
        /// Unix seconds at which it ends in any case.
        expires_at: i64,
    }
}

/// Seconds between two writes of `last_seen_at`.
const SEEN: i64 = 60;
/// Absolute end of a remembered session, in seconds.
const REMEMBERED_MAX: i64 = 90 * 86_400;
/// Stands for "never" where the idle time is switched off.
const NO_IDLE_END: i64 = i64::MAX;

/// How long sessions live; all in seconds.
#[derive(Clone, Copy, Debug)]
pub struct Lives {
    /// Without a request; 0 is for ever.
    pub idle: i64,
    /// In any case.
    pub max_age: i64,
    /// A remembered one, after its last use.
    pub remembered: i64,
}

/// What is known about the browser at a login.
#[derive(Clone, Debug, Default)]
pub struct Browser {
    /// Browser family and system.
    pub name: String,
    /// Address.
    pub address: String,
}

impl Session {
    /// True if it is active and within its times; the user is looked at by [`live`].
    fn is_current(&self, now: i64) -> bool {
        self.status == SessionStatus::Active && self.idle_until > now && self.expires_at > now
    }

    /// The token of a form: HMAC with this session's secret over what the form is for.
    pub fn csrf_token(&self, master: &Master, purpose: &str) -> String {
        base64url(&master.mac(&format!("form {}", self.csrf_secret.expose()), purpose.as_bytes()))
    }

    /// True if `token` is the one of this session and purpose.
    pub fn has_csrf_token(&self, master: &Master, purpose: &str, token: &str) -> bool {
        same(self.csrf_token(master, purpose).as_bytes(), token.as_bytes())
    }

    fn ends(remember: bool, lives: Lives, (created_at, now): (i64, i64)) -> (i64, i64) {
        if remember {
            let absolute = created_at + REMEMBERED_MAX;
            return (absolute.min(now + lives.remembered), absolute);
        }
        let absolute = created_at + lives.max_age;
        (if lives.idle == 0 { NO_IDLE_END } else { absolute.min(now + lives.idle) }, absolute)
    }
}

/// `acr` of a login with a password over TLS (OASIS SAML Authentication Context 3.4.10, which OpenID providers use too).
pub const PASSWORD: &str = "urn:oasis:names:tc:SAML:2.0:ac:classes:PasswordProtectedTransport";

const HANDLE: &str = "session handle";

/// A new handle, its hash, and the cookie value that carries it.
fn handle(master: &Master, ctx: &Context) -> (String, Secret) {
    let bytes: [u8; 32] = ctx.bytes();
    (sha256(&bytes), Secret::new(master.seal(HANDLE, "", &bytes, ctx)))
}

/// Signs somebody in: a new session with a new handle and a new form secret.
pub fn create(
    tx: &mut Tx<'_>,
    env: Env<'_>,
    user: &User,
    at: (Browser, bool, Lives),
) -> Result<(Session, Secret)> {
    let (browser, remember, lives) = at;
    let (handle_hash, cookie) = handle(env.master, env.ctx);
    let (idle_until, expires_at) = Session::ends(remember, lives, (env.now(), env.now()));
    let session = Session {
        id: env.ctx.id().to_string(),
        handle_hash,
        user_id: user.id.clone(),
        user_epoch: user.epoch,
        auth_time: env.now(),
        amr: r#"["pwd"]"#.into(),
        acr: PASSWORD.into(),
        csrf_secret: Secret::new(base64url(&env.ctx.bytes::<32>())),
        remember,
        browser: browser.name,
        address: browser.address,
        status: SessionStatus::Active,
        created_at: env.now(),
        last_seen_at: env.now(),
        idle_until,
        expires_at,
    };
    session.insert(tx)?;
    env.facts.note(Fact::SessionBegun);
    Ok((session, cookie))
}

/// The same person logged in again in a live session: new handle, new form secret, new `auth_time`; the id stays. Whoever
/// asks to be remembered now is, by these lives; nobody is forgotten by it. Returns the cookie, and whether it outlives
/// the browser. The idle end is moved by [`seen`], as for every use.
pub fn renew(
    tx: &mut Tx<'_>,
    env: Env<'_>,
    session: &Session,
    remember: Option<Lives>,
) -> Result<(Secret, bool)> {
    let (handle_hash, cookie) = handle(env.master, env.ctx);
    let (idle_until, expires_at) = match remember {
        Some(lives) if !session.remember => Session::ends(true, lives, (session.created_at, env.now())),
        _ => (session.idle_until, session.expires_at),
    };
    let remembered = session.remember || remember.is_some();
    tx.execute(
        "UPDATE sessions SET handle_hash = ?2, csrf_secret = ?3, auth_time = ?4, acr = ?5, remember = ?6, \
         idle_until = ?7, expires_at = ?8 WHERE id = ?1 AND status = 'active'",
        params![
            &session.id,
            handle_hash,
            base64url(&env.ctx.bytes::<32>()),
            env.now(),
            PASSWORD,
            remembered,
            idle_until,
            expires_at,
        ],
    )?;
    Ok((cookie, remembered))
}

/// The live session of a cookie and its user. A value that this server did not seal costs no read.
pub fn live(tx: &mut Tx<'_>, master: &Master, cookie: &str, now: i64) -> Result<Option<(Session, User)>> {
    let session = of_cookie(tx, master, cookie)?.filter(|session| session.is_current(now));
    let Some(session) = session else { return Ok(None) };
    let user = crate::user::by_id(tx, &session.user_id)?;
    let user = user.filter(|user| user.status == UserStatus::Active && user.epoch == session.user_epoch);
    Ok(user.map(|user| (session, user)))
}

fn of_cookie(tx: &mut Tx<'_>, master: &Master, cookie: &str) -> Result<Option<Session>> {
    let Some(bytes) = master.open(HANDLE, "", cookie) else { return Ok(None) };
    tx.one(
        &format!("SELECT {} FROM sessions WHERE handle_hash = ?1", Session::COLUMNS),
        params![sha256(&bytes)],
    )
}

/// What the login page should say about a cookie that was not accepted, by the contract's name: `session_timeout`, or
/// `session_invalid` if the browser or the account has changed. Nothing about a session that was signed out.
pub fn why_refused(tx: &mut Tx<'_>, master: &Master, cookie: &str, now: i64) -> Result<Option<&'static str>> {
    let session = of_cookie(tx, master, cookie)?.filter(|session| session.status == SessionStatus::Active);
    Ok(session.map(|session| if session.is_current(now) { "session_invalid" } else { "session_timeout" }))
}

/// True if [`seen`] has something to write.
pub fn is_due(session: &Session, now: i64) -> bool {
    now >= session.last_seen_at + SEEN
}

/// Notes that the session was used, at most once a minute, and moves its idle end.
pub fn seen(tx: &mut Tx<'_>, session: &Session, lives: Lives, now: i64) -> Result<()> {
    let (idle_until, _) = Session::ends(session.remember, lives, (session.created_at, now));
    tx.execute(
        "UPDATE sessions SET last_seen_at = ?2, idle_until = ?3 WHERE id = ?1 AND status = 'active' AND last_seen_at < ?2",
        params![&session.id, now, idle_until],
    )
    .map(drop)
}

/// The live sessions of a user, newest first.
pub fn of_user(tx: &mut Tx<'_>, user: &User, now: i64) -> Result<Vec<Session>> {
    tx.all(
        &format!(
            "SELECT {} FROM sessions WHERE user_id = ?1 AND user_epoch = ?2 AND status = 'active' AND idle_until > ?3 \
             AND expires_at > ?3 ORDER BY id DESC LIMIT 200",
            Session::COLUMNS
        ),
        params![&user.id, user.epoch, now],
    )
}

/// Ends every session of a user whose epoch rises, so that their clients hear of it; what was issued dies by the epoch.
pub fn end_all(tx: &mut Tx<'_>, user_id: &str, ctx: &Context) -> Result<()> {
    let live: Vec<(String,)> = tx.all(
        "SELECT id FROM sessions WHERE user_id = ?1 AND status = 'active' AND idle_until > ?2 AND expires_at > ?2",
        params![user_id, ctx.now()],
    )?;
    for (id,) in live {
        logout::queue(tx, &id, user_id, ctx)?;
    }
    tx.execute(
        "UPDATE sessions SET status = 'ended' WHERE user_id = ?1 AND status = 'active'",
        params![user_id],
    )
    .map(drop)
}

/// Ends a session of this user and the families that live only as long. False if there is no such active session.
pub fn end(tx: &mut Tx<'_>, env: Env<'_>, user: &User, id: &str) -> Result<bool> {
    let ended: Option<(i64,)> = tx.one(
        "UPDATE sessions SET status = 'ended' WHERE id = ?1 AND user_id = ?2 AND status = 'active' RETURNING created_at",
        params![id, &user.id],
    )?;
    let Some((created_at,)) = ended else { return Ok(false) };
    env.facts.note(Fact::SessionEnded { lasted: env.now() - created_at });
    family::end_with_session(tx, id)?;
    logout::queue(tx, id, &user.id, env.ctx)?;
    crate::audit::Event::info("LOGOUT", "User signed out")
        .by(&user.id)
        .named(&user.username)
        .with(serde_json::json!({"session_id": id}))
        .write(tx, env.origin, env.ctx)?;
    Ok(true)
}
