//! `/oauth/authorize`: a request is stored as an interaction and continued by its id (RFC 6749 4.1.1, OpenID Connect
//! Core 3.1.2).

use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use authgate_core::audit::Event;
use authgate_core::authorize::{self, Destination, Question, Rejected, Skip};
use authgate_core::client::Client;
use authgate_core::consent::{self, ConsentOrigin};
use authgate_core::db::Tx;
use authgate_core::env::Env;
use authgate_core::error::{Code, Error, Refusal, Result};
use authgate_core::form::Params;
use authgate_core::interaction::{self, AuthorizationRequest, Interaction, Prompt};
use authgate_core::redirect_uri::{self, Kind};
use authgate_core::secret::base64url;

use crate::app::App;
use crate::browser;
use crate::error::PageError;
use crate::form::PageForm;
use crate::oauth::{answer, consent_page};
use crate::reply;
use crate::session::{SignedIn, to_login};

/// What a consent form's token is for; the interaction's id follows.
pub const FORM: &str = "consent";

/// `GET`: a new request, or one that goes on after login.
pub async fn get(app: Data<App>, request: HttpRequest) -> Result<HttpResponse, PageError> {
    let params = Params::parse(request.query_string().as_bytes())?;
    if let Some(id) = params.get("interaction") {
        let interaction = resume(&app, &request, id).await?.ok_or_else(PageError::expired)?;
        return proceed(&app, &request, interaction).await;
    }
    let (interaction, cookie) = match arrive(&app, &request, &params).await {
        Ok(arrived) => arrived,
        Err(rejected) => return reject(&app, &request, rejected),
    };
    let mut response = proceed(&app, &request, interaction).await?;
    response.add_cookie(&cookie).map_err(Error::failed)?;
    Ok(response)
}

/// `POST`: without `action` a new request (OpenID Connect Core 3.1.2.1), with it a decision.
pub async fn post(
    app: Data<App>,
    request: HttpRequest,
    PageForm(form): PageForm,
) -> Result<HttpResponse, PageError> {
    if let Some(action) = form.get("action") {
        return decide(&app, &request, &form, action == "approve").await;
    }
    match arrive(&app, &request, &form).await {
        Ok((interaction, cookie)) => {
            let mut response = reply::on_to(
                &request,
                &format!("{}{}", app.config.server.issuer_path, way_back(&interaction.id)),
            );
            response.add_cookie(&cookie).map_err(Error::failed)?;
            Ok(response)
        }
        Err(rejected) => reject(&app, &request, rejected),
    }
}

/// The path that continues an interaction.
pub fn way_back(id: &str) -> String {
    format!("/oauth/authorize?interaction={id}")
}

/// Validates a request and stores it for this browser.
async fn arrive(
    app: &App,
    request: &HttpRequest,
    params: &Params,
) -> Result<(Interaction, actix_web::cookie::Cookie<'static>), Rejected> {
    let sent = params.clone();
    // Rejections that name a destination are no errors of the store, so they travel inside the answer.
    let validated = app.read_env(request, move |tx, env| match authorize::validate(tx, env, &sent) {
        Err(Rejected::Failed(error)) => Err(error),
        validated => Ok(validated),
    });
    let (_, accepted) = validated.await??;
    let cookie = browser::cookie(request, browser::INTERACTION).filter(|cookie| cookie.len() == 43);
    let cookie = cookie.unwrap_or_else(|| base64url(&app.context().bytes::<32>()));
    let mut last_login = None;
    if accepted.wants_login() {
        last_login = SignedIn::of(app, request).await?.map(|signed_in| signed_in.session.auth_time);
    }
    let holder = cookie.clone();
    let stored = app
        .write_env(request, move |tx, env| interaction::store(tx, env, accepted, &holder, last_login))
        .await?;
    Ok((stored, browser::set(app, browser::INTERACTION, cookie, Some(interaction::LIFETIME))))
}

/// The open interaction of this id and browser. Refused if its client could not make the request any more, so that
/// nobody is sent to a redirect URI that has been taken back.
async fn resume(app: &App, request: &HttpRequest, id: &str) -> Result<Option<Interaction>> {
    let Some(cookie) = browser::cookie(request, browser::INTERACTION) else { return Ok(None) };
    let id = id.to_owned();
    app.read_env(request, move |tx, env| {
        let Some(mut found) = interaction::open(tx, &id, &cookie, env.now())? else { return Ok(None) };
        authorize::revalidate(tx, &mut found.request.0)?;
        Ok(Some(found))
    })
    .await
}

/// Goes on with a request as far as it can go: to the login page, to the consent page, or to the client.
async fn proceed(
    app: &App,
    request: &HttpRequest,
    mut interaction: Interaction,
) -> Result<HttpResponse, PageError> {
    let asked = &interaction.request.0;
    let silent = asked.prompts(Prompt::None);
    let signed_in = SignedIn::of(app, request).await?;
    // Whoever is signed in and does not do must be asked again, or the login page would send them straight back.
    let again = signed_in.is_some();
    let Some(signed_in) = signed_in.filter(|signed_in| interaction.accepts(&signed_in.session)) else {
        if silent {
            return silently(app, request, asked, (Code::LoginRequired, "the person is not signed in"));
        }
        return Ok(to_login(app, request, &way_back(&interaction.id), again).await?);
    };
    let (mut asked, user) = (asked.clone(), signed_in.user.clone());
    let question = app.read_env(request, move |tx, env| {
        let client = authorize::revalidate(tx, &mut asked)?;
        Ok((Question::of(tx, env.policy, client, &user, &mut asked)?, asked))
    });
    let (question, asked) = question.await?;
    interaction.request.0 = asked;
    let asked = &interaction.request.0;
    if let Some(refusal) = &asked.refused {
        return answer::refuse(app, request, &question.client, (asked, refusal));
    }
    match question.skip(&app.policy, &signed_in.user, asked, app.context().now()) {
        Skip::Yes => allow(app, request, interaction, signed_in).await,
        Skip::Ask if silent => {
            silently(app, request, asked, (Code::ConsentRequired, "the person has not allowed this yet"))
        }
        Skip::AskBecauseOfRedirect if silent => {
            let why = "this redirect_uri always asks the person";
            silently(app, request, asked, (Code::InteractionRequired, why))
        }
        Skip::Ask | Skip::AskBecauseOfRedirect => {
            let digest = question.digest(asked);
            let (id, session) = (interaction.id.clone(), signed_in.session.clone());
            app.write_env(request, move |tx, _| interaction::show(tx, &id, &session, &digest)).await?;
            let view = consent_page::view(app, &interaction, &question, &signed_in);
            reply::page_leading_to(app, &view, &asked.redirect_uri)
        }
    }
}

/// Issues a code without asking: the consent is there, or the client needs none.
async fn allow(
    app: &App,
    request: &HttpRequest,
    mut interaction: Interaction,
    signed_in: SignedIn,
) -> Result<HttpResponse, PageError> {
    let asked = interaction.request.0.clone();
    let code = app.write_env(request, move |tx, env| {
        let client = authorize::revalidate(tx, &mut interaction.request.0)?;
        let question = Question::of(tx, env.policy, client, &signed_in.user, &mut interaction.request.0)?;
        let asked = &interaction.request.0;
        if question.skip(env.policy, &signed_in.user, asked, env.now()) != Skip::Yes {
            return Err(Error::refused(
                Code::AccessDenied,
                "the application or the consent has just changed: try again",
            ));
        }
        if redirect_uri::kind(&asked.redirect_uri) != Kind::Https {
            env.note_compat(tx, "COMPAT_REMEMBER_NATIVE_CONSENT", &asked.client_id)?;
        }
        interaction::show(tx, &interaction.id, &signed_in.session, &question.digest(asked))?;
        take(tx, env, &interaction, &signed_in)?;
        let Question { client, pairs, claims, known } = question;
        if client.skip_consent {
            Event::info("CONSENT_SKIPPED", "First-party application authorized without asking")
                .by(&signed_in.user.id)
                .named(&signed_in.user.username)
                .on("CLIENT", &client.id)
                .write(tx, env.origin, env.ctx)?;
        }
        let consent = match known {
            Some(known) if known.has((&pairs, &claims)) && known.client_digest == client.digest() => known,
            _ => consent::grant(tx, env, &signed_in.user, &client, (ConsentOrigin::Code, &pairs, &claims))?,
        };
        authorize::issue_code(tx, env, asked, (&client, &signed_in.user, &signed_in.session, &consent))
    });
    answer::send(app, request, &Destination::of(&asked).code(&code.await?, &app.config.server.issuer))
}

/// Takes the interaction for its one decision.
fn take(tx: &mut Tx<'_>, env: Env<'_>, interaction: &Interaction, by: &SignedIn) -> Result<()> {
    if interaction::take(tx, interaction, &by.session, env.now())? { Ok(()) } else { Err(stale()) }
}

fn stale() -> Error {
    Error::refused(
        Code::AccessDenied,
        "this request was decided already, or it has expired: go back to the application and start again",
    )
}

/// The person decided on the consent page. Session, form token and interaction are required.
async fn decide(
    app: &App,
    request: &HttpRequest,
    form: &Params,
    approved: bool,
) -> Result<HttpResponse, PageError> {
    let forbidden = || PageError::forbidden(stale());
    let signed_in = SignedIn::of(app, request).await?.ok_or_else(forbidden)?;
    let id = form.get("interaction").ok_or_else(forbidden)?;
    signed_in.check_form(app, request, form, &format!("{FORM} {id}")).map_err(PageError::forbidden)?;
    let mut interaction = resume(app, request, id).await?.ok_or_else(forbidden)?;
    if !interaction.accepts(&signed_in.session) {
        return Err(forbidden());
    }
    let asked = interaction.request.0.clone();
    let again = (interaction.clone(), signed_in.clone());
    let decided = app.write_env(request, move |tx, env| {
        let client = authorize::revalidate(tx, &mut interaction.request.0)?;
        if !approved {
            take(tx, env, &interaction, &signed_in)?;
            authorize::deny(tx, env, &interaction.request.0, &signed_in.user)?;
            return Ok(Decision::Denied(Box::new(client)));
        }
        let question = Question::of(tx, env.policy, client, &signed_in.user, &mut interaction.request.0)?;
        let asked = &interaction.request.0;
        if interaction.shown.as_deref() != Some(&question.digest(asked)) {
            return Ok(Decision::Changed);
        }
        take(tx, env, &interaction, &signed_in)?;
        let Question { client, pairs, claims, .. } = question;
        // Whoever was asked has agreed now, so the record begins to age anew.
        let asked_for = (ConsentOrigin::Code, &pairs, claims.as_slice());
        let consent = consent::grant(tx, env, &signed_in.user, &client, asked_for)?;
        let by = (&client, &signed_in.user, &signed_in.session, &consent);
        authorize::issue_code(tx, env, asked, by).map(Decision::Allowed)
    });
    match decided.await.map_err(PageError::forbidden)? {
        Decision::Allowed(code) => {
            answer::send(app, request, &Destination::of(&asked).code(&code, &app.config.server.issuer))
        }
        Decision::Denied(client) => {
            let refusal = refusal(Code::AccessDenied, "User denied the authorization request");
            answer::refuse(app, request, &client, (&asked, &refusal))
        }
        // The page showed something else than what would be allowed now: it is shown again.
        Decision::Changed => proceed(app, request, again.0).await,
    }
}

enum Decision {
    Allowed(authgate_core::secret::Secret),
    Denied(Box<Client>),
    Changed,
}

fn refusal(code: Code, words: &'static str) -> Refusal {
    Refusal { code, description: words.into(), commit: false }
}

/// `prompt=none`: whatever stands in the way, the client hears of it at once.
fn silently(
    app: &App,
    request: &HttpRequest,
    asked: &AuthorizationRequest,
    (code, words): (Code, &'static str),
) -> Result<HttpResponse, PageError> {
    let answer = Destination::of(asked).error(&refusal(code, words), &app.config.server.issuer);
    answer::send(app, request, &answer)
}

fn reject(app: &App, request: &HttpRequest, rejected: Rejected) -> Result<HttpResponse, PageError> {
    match rejected {
        Rejected::Page(refusal) => Err(Error::Refused(refusal).into()),
        Rejected::Failed(error) => Err(error.into()),
        Rejected::Redirect(destination, refusal) => {
            answer::send(app, request, &destination.error(&refusal, &app.config.server.issuer))
        }
    }
}
