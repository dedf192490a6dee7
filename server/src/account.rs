//! What a person sees and ends of their own: browsers, applications, consents.

use std::collections::HashMap;

use actix_web::web::{Data, Path, Query};
use actix_web::{HttpRequest, HttpResponse};
use authgate_core::db::Tx;
use authgate_core::error::{Code, Error, Result};
use authgate_core::facts::Fact;
use authgate_core::resource::Resource;
use authgate_core::scope::Scope;
use authgate_core::{client, consent, family, session, user};
use serde::Deserialize;

use crate::app::App;
use crate::browser;
use crate::error::PageError;
use crate::form::PageForm;
use crate::oauth::consent_page::{resources, scopes};
use crate::page::{AppAccess, Authorization, Authorizations, BrowserSession, Flash, Sessions, Time};
use crate::reply;
use crate::session::SignedIn;

/// What a form on these pages is for.
const FORM: &str = "account";

/// What the last action did.
#[derive(Deserialize)]
pub struct Outcome {
    success: Option<String>,
    error: Option<String>,
}

impl Outcome {
    fn flash(&self, done: &str) -> Option<Flash> {
        match (self.success.as_deref(), self.error.as_deref()) {
            (Some("revoked"), _) => Some(Flash::Success(done.to_owned())),
            (_, Some("not_found")) => {
                Some(Flash::Error("There was nothing to end: it is gone already.".to_owned()))
            }
            _ => None,
        }
    }
}

/// `GET /`.
pub async fn home(app: Data<App>) -> HttpResponse {
    reply::found(&app, "/account/sessions")
}

/// `GET /account/sessions`, the home page.
pub async fn sessions(
    app: Data<App>,
    request: HttpRequest,
    signed_in: SignedIn,
    outcome: Query<Outcome>,
) -> Result<HttpResponse, PageError> {
    let (user, current) = (signed_in.user.clone(), signed_in.session.id.clone());
    let found = app.read_env(&request, move |tx, env| {
        let mut names = Names::default();
        let sessions = session::of_user(tx, &user, env.now())?;
        let mut sessions: Vec<_> =
            sessions.into_iter().map(|session| browser_session(session, &current)).collect();
        sessions.sort_by_key(|session| !session.current);
        let mut apps = Vec::new();
        for family in family::of_user(tx, &user.id, env.now())? {
            apps.push(AppAccess {
                client_name: names.of(tx, &family.client_id)?,
                id: family.id,
                scopes: family.scope.iter().map(str::to_owned).collect(),
                created_at: Time(family.created_at),
                last_used_at: (family.last_used_at > family.created_at).then_some(Time(family.last_used_at)),
                expires_at: Time(family.expires_at.min(family.idle_until)),
            });
        }
        Ok((sessions, apps))
    });
    let (sessions, apps) = found.await?;
    let user = &signed_in.user;
    let view = Sessions {
        account: signed_in.account(),
        csrf_token: signed_in.csrf_token(&app, FORM),
        flash: outcome.flash("Done. It no longer has access."),
        email: user.email.clone().unwrap_or_default(),
        role: user.role.as_str().to_owned(),
        signed_in_at: Time(signed_in.session.auth_time),
        sessions,
        apps,
    };
    reply::page(&app, &view)
}

fn browser_session(session: session::Session, current: &str) -> BrowserSession {
    BrowserSession {
        current: session.id == current,
        id: session.id,
        browser: session.browser,
        address: session.address,
        created_at: Time(session.created_at),
        last_seen_at: Time(session.last_seen_at),
    }
}

/// Client names, each looked up once.
#[derive(Default)]
struct Names(HashMap<String, String>);

impl Names {
    fn of(&mut self, tx: &mut Tx<'_>, client_id: &str) -> Result<String> {
        if let Some(name) = self.0.get(client_id) {
            return Ok(name.clone());
        }
        let name = client::by_id(tx, client_id)?.map_or_else(|| client_id.to_owned(), |client| client.name);
        self.0.insert(client_id.to_owned(), name.clone());
        Ok(name)
    }
}

/// `POST /account/sessions/{id}/revoke`: one browser or one application of the person's own.
pub async fn revoke_session(
    app: Data<App>,
    request: HttpRequest,
    signed_in: SignedIn,
    id: Path<String>,
    PageForm(form): PageForm,
) -> Result<HttpResponse, PageError> {
    signed_in.check_form(&app, &request, &form, FORM).map_err(PageError::forbidden)?;
    let id = id.into_inner();
    if id == signed_in.session.id {
        return sign_out(&app, &request, signed_in, false).await;
    }
    let user = signed_in.user;
    let ended = app.write_env(&request, move |tx, env| {
        if session::end(tx, env, &user, &id)? {
            return Ok(true);
        }
        match family::by_id(tx, &id)? {
            None => Ok(false),
            // Somebody else's looks like one that is not there would; the contract has it said, ids cannot be guessed.
            Some(family) if family.user_id != user.id => {
                Err(Error::refused(Code::AccessDenied, "You don't have permission to revoke this token"))
            }
            Some(family) => family::revoke_by(tx, env, &family, Some(&user.id)),
        }
    });
    let outcome =
        if ended.await.map_err(PageError::forbidden)? { "success=revoked" } else { "error=not_found" };
    Ok(reply::found(&app, &format!("/account/sessions?{outcome}")))
}

/// `POST /account/sessions/revoke-all`: every browser, every application.
pub async fn revoke_all(
    app: Data<App>,
    request: HttpRequest,
    signed_in: SignedIn,
    PageForm(form): PageForm,
) -> Result<HttpResponse, PageError> {
    signed_in.check_form(&app, &request, &form, FORM).map_err(PageError::forbidden)?;
    sign_out(&app, &request, signed_in, true).await
}

async fn sign_out(
    app: &App,
    request: &HttpRequest,
    signed_in: SignedIn,
    everywhere: bool,
) -> Result<HttpResponse, PageError> {
    let SignedIn { session, user } = signed_in;
    app.write_env(request, move |tx, env| {
        if everywhere {
            env.facts.note(Fact::SessionEnded { lasted: env.now() - session.created_at });
            return user::revoke_all(tx, &user, env.origin, env.ctx);
        }
        session::end(tx, env, &user, &session.id).map(drop)
    })
    .await?;
    let mut response = reply::found(app, "/login");
    response.add_cookie(&browser::unset(app, app.config.sessions.cookie)).map_err(Error::failed)?;
    Ok(response)
}

/// `GET /account/authorizations`.
pub async fn authorizations(
    app: Data<App>,
    request: HttpRequest,
    signed_in: SignedIn,
    outcome: Query<Outcome>,
) -> Result<HttpResponse, PageError> {
    let user = signed_in.user.clone();
    let found = app.read_env(&request, move |tx, _| {
        let mut names = Names::default();
        let mut listed = Vec::new();
        for consent in consent::list(tx, Some(&user.id))? {
            // A consent of older epochs allows nothing any more.
            let holds =
                client::by_id(tx, &consent.client_id)?.is_some_and(|client| consent.holds(&user, &client));
            if holds {
                listed.push((names.of(tx, &consent.client_id)?, consent));
            }
        }
        Ok(listed)
    });
    let authorizations = found.await?.into_iter().map(|(client_name, consent)| {
        let pairs = &consent.pairs.0;
        let scope: Scope = pairs.scopes().into_iter().map(str::to_owned).collect();
        let granted: Vec<_> =
            pairs.resources().into_iter().filter_map(|uri| Resource::parse(uri).ok()).collect();
        Authorization {
            client_name,
            scopes: scopes(&app, &scope, &|_| false),
            resources: resources(&app, granted.iter()),
            granted_at: Time(consent.granted_at),
            id: consent.id,
        }
    });
    let view = Authorizations {
        account: signed_in.account(),
        csrf_token: signed_in.csrf_token(&app, FORM),
        flash: outcome.flash("Access revoked. The application has to ask again."),
        authorizations: authorizations.collect(),
    };
    reply::page(&app, &view)
}

/// `POST /account/authorizations/{id}/revoke`.
pub async fn revoke_authorization(
    app: Data<App>,
    request: HttpRequest,
    signed_in: SignedIn,
    id: Path<String>,
    PageForm(form): PageForm,
) -> Result<HttpResponse, PageError> {
    signed_in.check_form(&app, &request, &form, FORM).map_err(PageError::forbidden)?;
    let (id, user) = (id.into_inner(), signed_in.user);
    let withdrawn = app.write_env(&request, move |tx, env| {
        match consent::by_id(tx, &id)?.filter(|consent| consent.user_id == user.id) {
            Some(consent) => consent::withdraw(tx, env, &consent, Some(&user.id)),
            None => Ok(false),
        }
    });
    let outcome = if withdrawn.await? { "success=revoked" } else { "error=not_found" };
    Ok(reply::found(&app, &format!("/account/authorizations?{outcome}")))
}
