//! Tells clients that somebody signed out (OpenID Connect Back-Channel Logout 2.5), until they have heard it.

use std::net::{SocketAddr, ToSocketAddrs as _};
use std::sync::Arc;
use std::time::Duration;

use actix_web::http::header::CONTENT_TYPE;
use actix_web::rt::time;
use actix_web::web::block;
use authgate_core::client::Client;
use authgate_core::error::Result;
use authgate_core::logout::{self, Notice};
use authgate_core::trace::SPANS;
use futures_util::future::join_all;
use tracing::field::Empty;
use tracing::{Instrument as _, Span};
use url::Url;

use crate::app::App;
use crate::outgoing;
use crate::public_address::is_public;
use crate::traces::NOTICE;

/// Between two looks for notices that are due.
const LOOK: Duration = Duration::from_secs(1);
/// Notices under way at once: each may wait for a slow client.
const AT_ONCE: i64 = 8;
/// How long a client may take, from the look-up of its name on. The next attempt comes later anyway.
const TIMEOUT: Duration = Duration::from_secs(5);

/// Sends what is due until the server stops.
pub async fn run(app: Arc<App>) {
    let mut ticks = time::interval(LOOK);
    loop {
        ticks.tick().await;
        if let Err(error) = deliver(&app).await {
            tracing::error!(%error, "logout notices cannot be sent; trying again");
        }
    }
}

/// Sends every notice that is due, a few at once. Returns how many clients took theirs.
pub async fn deliver(app: &App) -> Result<usize> {
    let (mut taken, mut ready) = (0, None);
    loop {
        let now = app.context().now();
        // The look costs no write; mostly there is nothing.
        if !app.read(move |tx| logout::is_due(tx, now)).await? {
            return Ok(taken);
        }
        let due = app.issuer.write(move |tx| logout::claim(tx, AT_ONCE, now)).await?;
        let http = match &mut ready {
            Some(http) => http,
            none => none.insert(outgoing::client(outgoing::tls()?, TIMEOUT)),
        };
        let sent = join_all(due.into_iter().map(|(notice, client)| {
            let span = span(&client);
            send(app, http, notice, client).instrument(span)
        }))
        .await;
        for answer in sent {
            taken += usize::from(answer?);
        }
    }
}

/// The span of an attempt, a trace of its own. The client is not told which: it is nobody's business there.
fn span(client: &Client) -> Span {
    tracing::info_span!(
        target: SPANS,
        NOTICE,
        otel.name = "POST",
        otel.kind = "client",
        otel.status_code = Empty,
        http.request.method = "POST",
        http.response.status_code = Empty,
        client_id = client.id,
    )
}

/// One attempt; true if the client took it.
async fn send(app: &App, http: &awc::Client, notice: Notice, client: Client) -> Result<bool> {
    let own = app.env_of("backchannel");
    let token = logout::token(own.env(), &client, &notice)?;
    let answer = time::timeout(TIMEOUT, post(http, &client, token)).await;
    let trouble = match answer {
        Ok(Ok(())) => None,
        Ok(Err(trouble)) => Some(trouble),
        Err(_) => Some(format!("no answer within {} s", TIMEOUT.as_secs())),
    };
    if let Some(trouble) = &trouble {
        Span::current().record("otel.status_code", "ERROR");
        tracing::warn!(
            client_id = client.id,
            attempt = notice.attempts + 1,
            trouble,
            "a logout notice was not taken"
        );
    }
    let took = trouble.is_none();
    let noted = app.issuer.write(move |tx| {
        if took { logout::delivered(tx, &notice) } else { logout::failed(tx, own.env(), &notice) }
    });
    noted.await.map(|()| took)
}

/// 200 and 204 are a client's yes (2.8); a redirect is none, and what else it says is not read.
async fn post(http: &awc::Client, client: &Client, token: String) -> Result<(), String> {
    let uri = client.backchannel_logout_uri.as_deref().ok_or("it has no address any more")?;
    let mut request = http.post(uri).insert_header((CONTENT_TYPE, "application/x-www-form-urlencoded"));
    if client.registered_from.is_some() {
        // Whoever registered itself chose the address: it is looked up once, and what was checked is connected to.
        request = request.address(public(uri).await?);
    }
    let response =
        request.send_body(format!("logout_token={token}")).await.map_err(|error| error.to_string())?;
    Span::current().record("http.response.status_code", response.status().as_u16());
    match response.status().as_u16() {
        200 | 204 => Ok(()),
        status => Err(format!("it answered {status}")),
    }
}

async fn public(uri: &str) -> Result<SocketAddr, String> {
    let url = Url::parse(uri).map_err(|error| error.to_string())?;
    let host = url.host_str().ok_or("it has no host")?.trim_matches(['[', ']']).to_owned();
    let port = url.port_or_known_default().ok_or("it has no port")?;
    let found = block(move || (host, port).to_socket_addrs().map(Iterator::collect::<Vec<_>>)).await;
    let found = found.map_err(|error| error.to_string())?.map_err(|error| error.to_string())?;
    if found.is_empty() || !found.iter().all(|address| is_public(address.ip())) {
        return Err("its host is not on the public internet".into());
    }
    Ok(found[0])
}
