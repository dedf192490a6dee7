//! Who is signed in with the browser of a request (`sessions-and-consent.md`).

use std::future::Future;
use std::pin::Pin;

use actix_web::cookie::Cookie;
use actix_web::dev::ServiceResponse;
use actix_web::error::InternalError;
use actix_web::{FromRequest, HttpMessage as _, HttpRequest, HttpResponse, dev};
use authgate_core::audit::Event;
use authgate_core::error::{Code, Error, Result};
use authgate_core::form::Params;
use authgate_core::secret::Secret;
use authgate_core::session::{self, Lives, Session};
use authgate_core::user::User;

use crate::app::App;
use crate::browser;
use crate::error::PageError;
use crate::middleware::request_span;
use crate::page::Account;

/// A browser with a live session.
#[derive(Clone)]
pub struct SignedIn {
    /// The session.
    pub session: Session,
    /// Its user.
    pub user: User,
}

impl SignedIn {
    /// The live session of a request, if there is one. Notes that it was used.
    pub async fn of(app: &App, request: &HttpRequest) -> Result<Option<Self>> {
        let Some(cookie) = browser::cookie(request, app.config.sessions.cookie) else { return Ok(None) };
        let handle = Secret::new(cookie.clone());
        let found =
            app.read_env(request, move |tx, env| session::live(tx, env.master, &cookie, env.now())).await?;
        let Some((session, user)) = found else { return Ok(None) };
        if !is_the_same_browser(app, request, &session) {
            let event =
                Event::warning("SESSION_FINGERPRINT_MISMATCH", "Session cookie presented by another browser");
            let details = serde_json::json!({"session_id": session.id});
            app.record(request, event.by(&user.id).named(&user.username).with(details)).await?;
            return Ok(None);
        }
        request_span::user(&user.id);
        let now = app.context().now();
        if session::is_due(&session, now) {
            if session.remember {
                request.extensions_mut().insert(Sliding(self::cookie(app, &handle, true)));
            }
            let (session, lives) = (session.clone(), lives(app));
            app.write_env(request, move |tx, env| session::seen(tx, &session, lives, env.now())).await?;
        }
        Ok(Some(Self { session, user }))
    }

    /// The token of a form on a page of this session.
    pub fn csrf_token(&self, app: &App, purpose: &str) -> String {
        self.session.csrf_token(&app.master, purpose)
    }

    /// Refuses a form that did not come from this session's own page.
    pub fn check_form(&self, app: &App, request: &HttpRequest, form: &Params, purpose: &str) -> Result<()> {
        browser::same_site(app, request)?;
        let token = form.get("csrf_token").unwrap_or_default();
        if self.session.has_csrf_token(&app.master, purpose, token) {
            return Ok(());
        }
        Err(Error::refused(
            Code::AccessDenied,
            "CSRF token validation failed: this page is from an older sign-in. Go back, reload it and try again.",
        ))
    }

    /// For the top of the page.
    pub fn account(&self) -> Account {
        let name = self.user.full_name.as_ref().unwrap_or(&self.user.username);
        Account { name: name.clone(), username: self.user.username.clone() }
    }
}

fn is_the_same_browser(app: &App, request: &HttpRequest, session: &Session) -> bool {
    let sessions = &app.config.sessions;
    let address = app.origin(request).ip.unwrap_or_default();
    (!sessions.fingerprint || browser::name(request) == session.browser)
        && (!sessions.fingerprint_ip || browser::network(&address) == browser::network(&session.address))
}

/// The configured lifetimes.
pub fn lives(app: &App) -> Lives {
    let sessions = &app.config.sessions;
    Lives { idle: sessions.idle, max_age: sessions.max_age, remembered: sessions.remember_max_age }
}

/// The cookie of a remembered session that was used: browsers keep it for as long again.
struct Sliding(Cookie<'static>);

/// Adds the cookie of a session that slides, unless the answer says something else about the session.
pub fn slide(response: &mut ServiceResponse) {
    let sliding = response.request().extensions_mut().remove::<Sliding>();
    let Some(Sliding(cookie)) = sliding else { return };
    if response.response().cookies().all(|set| set.name() != cookie.name())
        && let Err(error) = response.response_mut().add_cookie(&cookie)
    {
        tracing::error!(%error, "the cookie of a session cannot be written");
    }
}

/// The cookie of a session.
pub fn cookie(app: &App, handle: &Secret, remember: bool) -> Cookie<'static> {
    let sessions = &app.config.sessions;
    let max_age = if remember { sessions.remember_max_age } else { sessions.max_age };
    browser::set(app, sessions.cookie, handle.expose().to_owned(), Some(max_age))
}

/// Sends the browser to the login page, and from there back to `path`. The page says why, if the browser was signed in
/// before; `again` is for somebody who still is.
pub async fn to_login(app: &App, request: &HttpRequest, path: &str, again: bool) -> Result<HttpResponse> {
    let mut query = form_urlencoded::Serializer::new(String::new());
    query.append_pair("redirect", path);
    if again {
        query.append_pair("prompt", "login");
    } else if let Some(cookie) = browser::cookie(request, app.config.sessions.cookie) {
        let why = app
            .read_env(request, move |tx, env| session::why_refused(tx, env.master, &cookie, env.now()))
            .await?;
        why.map(|why| query.append_pair("error", why));
    }
    Ok(crate::reply::found(app, &format!("/login?{}", query.finish())))
}

impl FromRequest for SignedIn {
    type Error = actix_web::Error;
    type Future = Pin<Box<dyn Future<Output = Result<Self, actix_web::Error>>>>;

    fn from_request(request: &HttpRequest, _: &mut dev::Payload) -> Self::Future {
        let request = request.clone();
        Box::pin(async move {
            let app = App::of(&request);
            if let Some(signed_in) = SignedIn::of(app, &request).await.map_err(PageError::from)? {
                return Ok(signed_in);
            }
            let login = to_login(app, &request, &way_back(app, &request), false).await;
            Err(InternalError::from_response("sign in first", login.map_err(PageError::from)?).into())
        })
    }
}

/// Where a request that needs a login goes on afterwards: a page to itself, below the issuer's path, a form to nowhere,
/// since it is lost.
fn way_back(app: &App, request: &HttpRequest) -> String {
    if request.method() != actix_web::http::Method::GET {
        return "/account/sessions".to_owned();
    }
    let path = request.uri().path_and_query().map_or("/", |path| path.as_str());
    let below = path.strip_prefix(&app.config.server.issuer_path).filter(|below| below.starts_with('/'));
    below.unwrap_or(path).to_owned()
}
