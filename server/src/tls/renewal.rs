//! Notices that the files have changed, whoever changed them and however: a rename, a write in place, a swapped symlink.

use std::sync::Arc;
use std::time::Duration;

use actix_web::rt::time;
use actix_web::web::block;

use super::Certificate;
use super::pair::Files;
use crate::app::App;

/// Between two looks at the files: a renewal is served within ten seconds.
const LOOK: Duration = Duration::from_secs(5);

/// What a look sees: which contents, or why there are none.
type Seen = Result<String, String>;

/// What was seen so far.
pub struct Renewal {
    judged: Seen,
    unsettled: Option<Seen>,
}

impl Renewal {
    /// Knows what is served now: files that have changed since it was read are judged at the next looks.
    pub fn new(certificate: &Certificate) -> Self {
        Self { judged: Ok(certificate.pair(|pair| pair.digest.clone())), unsettled: None }
    }

    /// One look, at `now` (unix seconds). Contents are judged when two looks in a row see the same, since the files are written
    /// one after the other: a good pair is served to new connections, anything else is logged once and leaves the old one.
    pub fn look(&mut self, certificate: &Certificate, now: i64) {
        let files = Files::read(&certificate.files);
        let seen = see(&files);
        if seen == self.judged {
            self.unsettled = None;
            return;
        }
        if self.unsettled.replace(seen.clone()).as_ref() != Some(&seen) {
            return;
        }
        self.judged = seen;
        self.unsettled = None;
        let file = certificate.files.cert.display();
        let pair = match files.and_then(|files| files.pair(&certificate.files)) {
            Ok(pair) => pair,
            Err(error) => {
                tracing::error!(%error, "the changed TLS files are not taken over; the old certificate stays");
                return;
            }
        };
        let expires = pair.expires_text();
        if let Some(trouble) = pair.trouble(now) {
            tracing::warn!(expires, "TLS_CERT_FILE={file} was replaced and {trouble}");
        } else {
            tracing::info!(expires, "TLS_CERT_FILE={file} was renewed and is served from now on");
        }
        certificate.replace(pair);
    }
}

fn see(files: &authgate_core::error::Result<Files>) -> Seen {
    files.as_ref().map(Files::digest).map_err(ToString::to_string)
}

/// Looks until the server stops.
pub async fn run(app: Arc<App>) {
    let Some(certificate) = app.certificate.clone() else { return };
    let mut renewal = Renewal::new(&certificate);
    let mut ticks = time::interval(LOOK);
    loop {
        ticks.tick().await;
        let (files, now) = (Arc::clone(&certificate), app.context().now());
        let looked = block(move || {
            renewal.look(&files, now);
            renewal
        });
        renewal = looked.await.unwrap_or_else(|_| Renewal::new(&certificate));
    }
}
