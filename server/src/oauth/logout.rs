//! `/oauth/logout`: a client sends the person to sign out (OpenID Connect RP-Initiated Logout 1.0).

use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use authgate_core::error::{Error, Result};
use authgate_core::form::Params;
use authgate_core::logout::LogoutRequest;
use authgate_core::redirect_uri;
use authgate_core::session;

use crate::app::App;
use crate::browser;
use crate::error::PageError;
use crate::form::PageForm;
use crate::page::{Continue, Hidden, SignOut, SignedOut};
use crate::reply;
use crate::session::SignedIn;

/// Its path.
pub const PATH: &str = "/oauth/logout";
/// What a request may have; the rest is ignored (RP-Initiated Logout 2).
const PARAMETERS: [&str; 6] =
    ["id_token_hint", "logout_hint", "client_id", "post_logout_redirect_uri", "state", "ui_locales"];

/// `GET`: signs out, or asks whether to.
pub async fn get(app: Data<App>, request: HttpRequest) -> Result<HttpResponse, PageError> {
    let params = Params::parse(request.query_string().as_bytes())?;
    let asked = read(&app, &request, params).await?;
    let Some(signed_in) = SignedIn::of(&app, &request).await? else {
        return gone(&app, &request, &asked);
    };
    let session = signed_in.session.clone();
    let (asked, known) = app
        .read_env(&request, move |tx, _| {
            let known = asked.is_about(tx, &session)?;
            Ok((asked, known))
        })
        .await?;
    if known { end(&app, &request, signed_in, &asked).await } else { ask(&app, &signed_in, &asked) }
}

/// `POST`: our own page's decision, or a client's request. A request that another site posts comes without the session's
/// cookie, so it goes on as a GET, which has it.
pub async fn post(
    app: Data<App>,
    request: HttpRequest,
    PageForm(form): PageForm,
) -> Result<HttpResponse, PageError> {
    let asked = read(&app, &request, form.clone()).await?;
    if form.get("action") != Some("logout") {
        let kept = form.pairs().filter(|(name, _)| PARAMETERS.contains(name));
        let query = form_urlencoded::Serializer::new(String::new()).extend_pairs(kept).finish();
        return Ok(reply::on_to(&request, &format!("{}{PATH}?{query}", app.config.server.issuer_path)));
    }
    browser::same_site(&app, &request).map_err(PageError::forbidden)?;
    match SignedIn::of(&app, &request).await? {
        Some(signed_in) => end(&app, &request, signed_in, &asked).await,
        None => gone(&app, &request, &asked),
    }
}

async fn read(app: &App, request: &HttpRequest, params: Params) -> Result<LogoutRequest> {
    app.read_env(request, move |tx, env| LogoutRequest::read(tx, env, &params)).await
}

/// The client does not know who is signed in here, or guessed: the person decides.
fn ask(app: &App, signed_in: &SignedIn, asked: &LogoutRequest) -> Result<HttpResponse, PageError> {
    let client_id = asked.client.as_ref().map(|client| client.id.clone());
    let fields = [
        ("action", Some("logout".to_owned())),
        ("client_id", client_id),
        ("post_logout_redirect_uri", asked.redirect_uri.clone()),
        ("state", asked.state.clone()),
    ];
    let view = SignOut {
        account: signed_in.account(),
        client_name: asked.client.as_ref().map(|client| client.name.clone()),
        action: PATH.to_owned(),
        fields: fields.into_iter().filter_map(|(name, value)| Some(Hidden { name, value: value? })).collect(),
    };
    match &asked.redirect_uri {
        Some(uri) => reply::page_leading_to(app, &view, uri),
        None => reply::page(app, &view),
    }
}

async fn end(
    app: &App,
    request: &HttpRequest,
    signed_in: SignedIn,
    asked: &LogoutRequest,
) -> Result<HttpResponse, PageError> {
    let SignedIn { session, user } = signed_in;
    app.write_env(request, move |tx, env| session::end(tx, env, &user, &session.id)).await?;
    let mut response = gone(app, request, asked)?;
    response.add_cookie(&browser::unset(app, app.config.sessions.cookie)).map_err(Error::failed)?;
    Ok(response)
}

/// Nobody is signed in any more.
fn gone(app: &App, request: &HttpRequest, asked: &LogoutRequest) -> Result<HttpResponse, PageError> {
    match (asked.destination(), &asked.client) {
        // As with errors of the authorization endpoint: an address that nobody approved moves nobody by itself.
        (Some(address), Some(client)) if client.self_registered() => {
            let (host, client_name) = (redirect_uri::host(&address), Some(client.name.clone()));
            reply::page(
                app,
                &Continue { host, address, client_name, fields: None, refusal: None, script: None },
            )
        }
        (Some(address), _) => Ok(reply::on_to(request, &address)),
        (None, _) => reply::page(app, &SignedOut {}),
    }
}
