//! What the consent page says about an authorization request.

use authgate_core::authorize::Question;
use authgate_core::client::{Client, Grant};
use authgate_core::interaction::Interaction;
use authgate_core::redirect_uri::{self, Kind};
use authgate_core::scope::Scope;

use super::authorize::{FORM, way_back};
use crate::app::App;
use crate::page::{Claim, Consent, Lifetime, Renewal, Request, Resource, ScopeLine, Time};
use crate::session::SignedIn;

/// The page for an interaction that must be decided.
pub fn view(app: &App, interaction: &Interaction, question: &Question, signed_in: &SignedIn) -> Consent {
    let asked = &interaction.request.0;
    let client = &question.client;
    let scope = Scope::parse(&asked.scope).unwrap_or_default();
    let claim = |name: &String| Claim {
        name: name.clone(),
        new: question.known.is_some() && question.is_new_claim(name),
    };
    let loopback = |uri: &String| redirect_uri::kind(uri) == Kind::Loopback;
    Consent {
        csrf_token: signed_in.csrf_token(app, &format!("{FORM} {}", interaction.id)),
        interaction: interaction.id.clone(),
        request: Request {
            client_id: asked.client_id.clone(),
            redirect_uri: asked.redirect_uri.clone(),
            scope: asked.scope.clone(),
            state: asked.state.clone(),
            nonce: asked.nonce.clone(),
            code_challenge: asked.code_challenge.clone(),
            code_challenge_method: asked.code_challenge.as_ref().map(|_| "S256".to_owned()),
            resource: asked.resources.iter().map(|resource| resource.as_str().to_owned()).collect(),
        },
        client_name: client.name.clone(),
        description: client.description.clone(),
        redirect_host: redirect_uri::host(&asked.redirect_uri),
        registered_at: client.self_registered().then_some(Time(client.created_at)),
        loopback_only: client.redirect_uris.0.iter().all(loopback),
        account: signed_in.account(),
        sign_out_redirect: way_back(&interaction.id),
        // Where nothing was allowed before, everything is new, and marking it says nothing.
        scopes: scopes(app, &scope, &|name| question.known.is_some() && question.is_new(name)),
        claims: question.claims.iter().map(claim).collect(),
        resources: resources(app, asked.resources.iter()),
        token_lifetime: Lifetime(app.policy.profile(client.token_profile).access),
        renewal: renewal(app, client, &scope),
    }
}

/// Scopes in words.
pub fn scopes(app: &App, scope: &Scope, is_new: &dyn Fn(&str) -> bool) -> Vec<ScopeLine> {
    let line = |name: &str| ScopeLine {
        name: name.to_owned(),
        words: app.policy.words(name).to_owned(),
        new: is_new(name),
    };
    scope.iter().map(line).collect()
}

/// Resources, with their configured names.
pub fn resources<'a>(
    app: &App,
    resources: impl Iterator<Item = &'a authgate_core::resource::Resource>,
) -> Vec<Resource> {
    let named = |resource: &authgate_core::resource::Resource| {
        let known = app.config.resources.values().find(|entry| entry.resource.same_as(resource));
        Resource { name: known.and_then(|entry| entry.name.clone()), uri: resource.as_str().to_owned() }
    };
    resources.map(named).collect()
}

fn renewal(app: &App, client: &Client, scope: &Scope) -> Renewal {
    match (app.policy.refresh_enabled && client.may(Grant::Refresh), scope.has("offline_access")) {
        (false, _) => Renewal::Never,
        (true, false) => Renewal::UntilSignOut,
        (true, true) => Renewal::UntilRevoked,
    }
}
