//! Login with a password of our own database (the backend `local`).

use std::sync::LazyLock;

use actix_web::HttpRequest;
use actix_web::cookie::Cookie;
use authgate_core::audit::Event;
use authgate_core::error::Error;
use authgate_core::form::Params;
use authgate_core::secret::Secret;
use authgate_core::session::{self, Browser};
use authgate_core::user::{self, User, UserStatus};

use crate::app::App;
use crate::browser;
use crate::error::PageError;
use crate::middleware::limit::{self, Rule};
use crate::middleware::request_span;
use crate::session::{SignedIn, cookie, lives};

/// One text for every reason (deviation D44).
const WRONG: &str = "Invalid username or password";
/// Longest password looked at, in bytes: beyond it nobody types, and hashing is bounded.
const MAX_PASSWORD: usize = 1024;
/// What is hashed when there is no such user, so that the answer takes as long (threat 23).
static NOBODY: LazyLock<String> = LazyLock::new(|| {
    // Argon2id with the parameters of `user::hash_password`; no password has this hash.
    format!("$argon2id$v=19$m=19456,t=2,p=1$AAAAAAAAAAAAAAAAAAAAAA${}", "A".repeat(43))
});
/// Seconds for which a browser is known after a login: a year.
const KNOWN_FOR: i64 = 365 * 86_400;
const KNOWN: &str = "known browser";

/// Why nobody was signed in.
pub enum Rejected {
    /// What was typed is wrong, in words for the page.
    Credentials(&'static str),
    /// A limit, a form from elsewhere, something broken.
    Other(PageError),
}

impl From<Error> for Rejected {
    fn from(error: Error) -> Self {
        Rejected::Other(error.into())
    }
}

/// Checks the form's `username` and `password` and signs the browser in; answers with the cookies that say so.
pub async fn login(
    app: &App,
    request: &HttpRequest,
    form: &Params,
) -> Result<[Cookie<'static>; 2], Rejected> {
    let username = form.get("username").unwrap_or_default().to_owned();
    let password = form.secret("password").filter(|password| password.expose().len() <= MAX_PASSWORD);
    let Some(password) = password.filter(|_| !username.is_empty() && username.len() <= 254) else {
        return Err(Rejected::Credentials(WRONG));
    };
    let name = username.clone();
    let found = app.read_env(request, move |tx, _| user::by_username(tx, &name)).await?;
    let attempts = Attempts::take(app, request, &username, found.as_ref()).await.map_err(Rejected::Other)?;
    let known = found.as_ref().map(|user| user.username.clone());
    if let Some(verified) = verify(app, password, found).await? {
        attempts.give_back(app);
        return Ok(sign_in(app, request, verified, form.get("remember_me") == Some("1")).await?);
    }
    // A name that nobody has may be a password in the wrong box.
    let shown = known.as_deref().unwrap_or("(unknown)");
    let event = Event::warning("AUTHENTICATION_FAILURE", "User login attempt failed").named(shown);
    let event = Event { error: Some("invalid credentials"), ..event };
    app.record(request, event.with(serde_json::json!({"auth_source": "local"}))).await?;
    Err(Rejected::Credentials(WRONG))
}

/// One count for the address and one for the account, taken before the password is looked at, so that racing guesses
/// cannot pass a limit that none of them has reached yet. A success gives both back.
struct Attempts {
    taken: Vec<(&'static Rule, String)>,
}

impl Attempts {
    async fn take(
        app: &App,
        request: &HttpRequest,
        username: &str,
        user: Option<&User>,
    ) -> Result<Self, PageError> {
        let mut taken = vec![(&limit::LOGIN_ADDRESS, limit::address(request))];
        // Whoever signed in here before is not locked out by what strangers try elsewhere (deviation D20).
        let known =
            browser::cookie(request, browser::KNOWN).and_then(|cookie| app.master.open(KNOWN, "", &cookie));
        if known.is_none_or(|id| user.is_none_or(|user| user.id.as_bytes() != id)) {
            taken.push((&limit::LOGIN_ACCOUNT, user::key(username)));
        }
        for (rule, key) in &taken {
            limit::take(app, request, rule, key).await?;
        }
        Ok(Self { taken })
    }

    fn give_back(self, app: &App) {
        for (rule, key) in self.taken {
            app.limiter.give_back(rule.name, key);
        }
    }
}

/// Who showed their password.
struct Verified {
    user: User,
    /// Our own hash of it, if theirs is of another server.
    upgrade: Option<String>,
}

/// The user, if the password is theirs and they may sign in. Costs one hash whatever is wrong; an imported one may take
/// longer than ours, until it is replaced.
async fn verify(app: &App, password: Secret, found: Option<User>) -> Result<Option<Verified>, Error> {
    let user = found.as_ref().filter(|user| user.status == UserStatus::Active && user.auth_source == "local");
    let may = user.is_some();
    let stored = found.as_ref().and_then(|user| user.password_hash.clone()).unwrap_or_else(|| NOBODY.clone());
    let ctx = app.context();
    let job = move || -> Result<_, Error> {
        // Only who gets in waits for the second hash: it tells nothing to anybody else.
        let right = user::verify_password(&password, &stored) && may;
        let upgrade = (right && user::is_foreign(&stored)).then(|| user::hash_password(&password, &ctx));
        Ok(right.then_some(upgrade.transpose()?))
    };
    let upgrade = app.hasher.run(job).await??;
    Ok(found.zip(upgrade).map(|(user, upgrade)| Verified { user, upgrade }))
}

/// Makes the session, or renews the one this browser has for the same person; another person's session ends.
async fn sign_in(
    app: &App,
    request: &HttpRequest,
    Verified { user, upgrade }: Verified,
    remember: bool,
) -> Result<[Cookie<'static>; 2], Error> {
    let before = SignedIn::of(app, request).await?;
    let origin = app.origin(request);
    let remember = remember && app.config.sessions.remember;
    let at = (
        Browser { name: browser::name(request), address: origin.ip.clone().unwrap_or_default() },
        remember,
        lives(app),
    );
    let id = user.id.clone();
    let (handle, remember) = app
        .write_env(request, move |tx, env| {
            // The password was checked outside this transaction: nothing may have changed since.
            if user::active_epoch(tx, &user.id)? != Some(user.epoch) {
                return Err(Error::refused(authgate_core::error::Code::AccessDenied, WRONG));
            }
            if let Some(hash) = upgrade {
                user::upgrade_password(tx, &user, &hash, env.origin, env.ctx)?;
            }
            let handle = match before {
                Some(before) if before.user.id == user.id => {
                    session::renew(tx, env, &before.session, remember.then_some(at.2))?
                }
                other => {
                    if let Some(other) = other {
                        session::end(tx, env, &other.user, &other.session.id)?;
                    }
                    (session::create(tx, env, &user, at)?.1, remember)
                }
            };
            Event::info("AUTHENTICATION_SUCCESS", "User login successful")
                .by(&user.id)
                .named(&user.username)
                .with(serde_json::json!({"auth_source": "local"}))
                .write(tx, env.origin, env.ctx)?;
            Ok(handle)
        })
        .await?;
    request_span::user(&id);
    let known = app.master.seal(KNOWN, "", id.as_bytes(), &app.context());
    Ok([cookie(app, &handle, remember), browser::set(app, browser::KNOWN, known, Some(KNOWN_FOR))])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn adv_23_a_name_that_is_not_there_costs_the_same_hash() {
        let real = user::hash_password(&Secret::new("some password"), &crate::testing::context()).unwrap();
        let parts = |hash: &str| hash.split('$').map(str::to_owned).collect::<Vec<_>>();
        let (real, nobody) = (parts(&real), parts(&NOBODY));
        assert_eq!(real[..4], nobody[..4], "algorithm, version and costs");
        let lengths = |hash: &[String]| hash[4..].iter().map(String::len).collect::<Vec<_>>();
        assert_eq!(lengths(&real), lengths(&nobody), "salt and hash");
        assert!(nobody[4..].iter().all(|part| authgate_core::secret::from_base64url(part).is_some()));
    }
}
