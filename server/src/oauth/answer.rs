//! How an authorization request is answered: by a redirect, by a form that the browser posts, or by a page that asks
//! first whether to go there.

use actix_web::http::header::CONTENT_SECURITY_POLICY;
use actix_web::{HttpRequest, HttpResponse};
use authgate_core::authorize::{Answer, Destination};
use authgate_core::client::Client;
use authgate_core::error::Refusal;
use authgate_core::interaction::{AuthorizationRequest, Prompt, ResponseMode};
use authgate_core::redirect_uri;

use crate::app::App;
use crate::error::PageError;
use crate::middleware::security_headers::handing_over;
use crate::page::{Continue, Hidden, View};
use crate::reply;

/// Sends the person back to the client.
pub fn send(app: &App, request: &HttpRequest, answer: &Answer) -> Result<HttpResponse, PageError> {
    match answer.mode {
        ResponseMode::Query => Ok(reply::on_to(request, &answer.address())),
        ResponseMode::FormPost => {
            page(app, answer, &Continue { script: Some(app.pages.form_post()), ..view(answer) })
        }
    }
}

/// Tells the client that its request is refused. For one that nobody approved the person decides whether to go there,
/// unless it asked for no page at all (RFC 9700 4.11.2).
pub fn refuse(
    app: &App,
    request: &HttpRequest,
    client: &Client,
    (asked, refusal): (&AuthorizationRequest, &Refusal),
) -> Result<HttpResponse, PageError> {
    let answer = Destination::of(asked).error(refusal, &app.config.server.issuer);
    if !client.self_registered() || asked.prompts(Prompt::None) {
        return send(app, request, &answer);
    }
    let client_name = Some(client.name.clone());
    page(
        app,
        &answer,
        &Continue { client_name, refusal: Some(refusal.description.to_string()), ..view(&answer) },
    )
}

fn view(answer: &Answer) -> Continue {
    let posts = answer.mode == ResponseMode::FormPost;
    let field = |(name, value): &(&'static str, String)| Hidden { name, value: value.clone() };
    Continue {
        host: redirect_uri::host(&answer.redirect_uri),
        address: if posts { answer.redirect_uri.clone() } else { answer.address() },
        fields: posts.then(|| answer.params.iter().map(field).collect()),
        client_name: None,
        refusal: None,
        script: None,
    }
}

/// The page may hand its form to the client and run our script that does so.
fn page(app: &App, answer: &Answer, view: &impl View) -> Result<HttpResponse, PageError> {
    let mut response = reply::page(app, view)?;
    response.headers_mut().insert(CONTENT_SECURITY_POLICY, handing_over(&answer.redirect_uri));
    Ok(response)
}
