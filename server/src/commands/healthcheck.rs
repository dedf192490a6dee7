//! `authgate healthcheck`: what a container's health check runs, where there is no other HTTP client.

mod itself;

use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use actix_web::rt::System;
use authgate::config::Config;
use authgate::outgoing;
use authgate_core::error::{Error, Result};
use awc::Client;
use clap::Args;
use serde_json::json;
use tokio::time::timeout;

use super::answer::Answer;
use super::configured;

/// Docker's check ends after three seconds too, and would not say why.
const TIMEOUT: Duration = Duration::from_millis(2_500);
/// The contract's own is shorter than a line.
const MAX_ANSWER: usize = 4096;

#[derive(Args)]
pub(super) struct Healthcheck {
    /// What to ask; without it, /health of the server with this environment on this machine
    url: Option<String>,
}

impl Healthcheck {
    pub(super) fn run(self) -> Result<Answer> {
        let url = match &self.url {
            Some(url) => url.clone(),
            None => own(&configured()?.0),
        };
        System::new().block_on(async {
            let client = match self.url {
                Some(_) => outgoing::client(outgoing::tls()?, TIMEOUT),
                None => outgoing::client(itself::tls()?, TIMEOUT),
            };
            // The client's own limits hold for connecting and for the answer, each.
            let late = |_| Error::failed(format_args!("{url}: no answer within {TIMEOUT:?}"));
            timeout(TIMEOUT, ask(&client, &url)).await.map_err(late)?
        })
    }
}

async fn ask(client: &Client, url: &str) -> Result<Answer> {
    let unhealthy = |why: &dyn std::fmt::Display| Error::failed(format_args!("{url}: {why}"));
    let mut answer = client.get(url).send().await.map_err(|error| unhealthy(&error))?;
    let status = answer.status();
    if !status.is_success() {
        let text = answer.body().limit(MAX_ANSWER).await.unwrap_or_default();
        return Err(unhealthy(&format_args!("{status} {}", String::from_utf8_lossy(&text))));
    }
    Ok(Answer::new(format!("{url}: healthy"), json!({ "url": url, "status": "healthy" })))
}

/// The address this configuration listens on, as this machine reaches it.
fn own(config: &Config) -> String {
    let scheme = if config.server.tls.is_some() { "https" } else { "http" };
    format!("{scheme}://{}/health", reachable(config.server.addr))
}

/// Who listens everywhere listens on loopback.
fn reachable(addr: SocketAddr) -> SocketAddr {
    let loopback = if addr.is_ipv4() { Ipv4Addr::LOCALHOST.into() } else { Ipv6Addr::LOCALHOST.into() };
    if addr.ip().is_unspecified() { SocketAddr::new(loopback, addr.port()) } else { addr }
}
