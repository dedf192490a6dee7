//! `POST /oauth/token` (RFC 6749 3.2).

use std::sync::Arc;

use actix_web::HttpRequest;
use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::web::Data;
use authgate_actors::devices::Pace;
use authgate_core::client::Proof;
use authgate_core::device::{self, DeviceStatus};
use authgate_core::error::{Code, Error, Result};
use authgate_core::extra_claims::ExtraClaims;
use authgate_core::grants::{self, GrantRequest, Issued, TokenRequest};
use authgate_core::secret::Secret;

use crate::app::App;
use crate::error::ApiError;
use crate::form::Form;
use crate::middleware::limit::TOKEN;
use crate::oauth::bearer;
use crate::oauth::client_auth::guarded;
use crate::reply;

/// All grants.
pub async fn post(app: Data<App>, request: HttpRequest, Form(form): Form) -> Result<HttpResponse, ApiError> {
    let asked = Arc::new(TokenRequest::read(bearer::authorization(&request)?, &form)?);
    let attempt = || exchange(&app, &request, Arc::clone(&asked));
    let issued = guarded(&app, &request, &TOKEN, &asked.credentials, attempt).await;
    app.metrics.oauth.token(&asked.grant, &issued);
    let (issued, begun) = (issued?, app.clock.monotonic());
    // Signed here, on the thread that answers, after the commit.
    let (ring, jti) = (app.keyring.now(), issued.jti().to_owned());
    let signed = issued.sign(&ring.keys, &app.policy)?;
    app.verdicts.signed(signed.access_token(), jti, ring.number);
    app.metrics.oauth.signed(app.clock.monotonic().duration_since(begun));
    Ok(reply::json(StatusCode::OK, &signed))
}

async fn exchange(app: &App, request: &HttpRequest, asked: Arc<TokenRequest>) -> Result<Issued> {
    if let GrantRequest::Device { device_code } = &asked.grant {
        poll(app, request, &asked, device_code).await?;
    }
    app.write_env(request, move |tx, env| grants::exchange(tx, env, &asked)).await
}

/// A device's poll: refused here, without a write, unless the code can be redeemed now. The client must be the code's
/// own before the clock is touched.
async fn poll(app: &App, request: &HttpRequest, asked: &TokenRequest, device_code: &Secret) -> Result<()> {
    let known = app.caller(request, &asked.credentials, Proof::UnlessSecretless).await?;
    ExtraClaims::read(asked.extra_claims.as_deref(), &known.client, &app.policy)?;
    let code = app.device(request, &known, device_code).await?;
    let now = app.context().now();
    // `slow_down` says that nobody has decided yet (RFC 8628 3.5). Libraries that try both ways to authenticate poll
    // twice in a row: they would never see a refusal.
    if code.status != DeviceStatus::Pending || code.expires_at <= now {
        return grants::device::decided(&code, now);
    }
    let paced = app.devices.poll(code.id.clone(), code.interval, code.expires_at, app.clock.now_ms()).await;
    match paced {
        Ok(Pace::Ready) => grants::device::decided(&code, now),
        Ok(Pace::TooSoon { interval }) => {
            // What a restart remembers may lag behind by half, in the device's favour: it costs no commit each time.
            if interval >= 2 * code.interval {
                let id = code.id.clone();
                app.write_env(request, move |tx, _| device::slow_down(tx, &id, interval)).await?;
            }
            Err(slow_down())
        }
        // The protocol's own backpressure.
        Err(_) => Err(slow_down()),
    }
}

fn slow_down() -> Error {
    Error::refused(Code::SlowDown, "polling too fast: wait five seconds longer between polls")
}
