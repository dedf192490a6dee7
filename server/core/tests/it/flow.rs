//! What people and clients do in the flows, up to the token request; and what can take an approval away again.

use authgate_core::authorize::{self, Rejected};
use authgate_core::client::{self, Client, ClientStatus};
use authgate_core::consent::{self, Consent, ConsentOrigin, Pairs};
use authgate_core::device::{self, Requested};
use authgate_core::error::Result;
use authgate_core::interaction::AuthorizationRequest;
use authgate_core::resource::Resources;
use authgate_core::scope::Scope;
use authgate_core::secret::Secret;
use authgate_core::session::{self, Session};
use authgate_core::user::{self, User, UserStatus};

use crate::world::{App, Tokens, World, form};

/// RFC 7636 appendix B.
pub const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
pub const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";

/// Somebody who said yes, and all that it rests on.
pub struct Approval {
    pub app: App,
    pub user: User,
    pub session: Session,
    pub consent: Consent,
    pub redirect_uri: String,
    /// The code or device code.
    pub code: Secret,
}

/// Parameters to send instead of the usual ones or besides them.
pub type Changes<'a> = &'a [(&'a str, &'a str)];

/// The usual parameters, with `changes` instead or besides; an empty value leaves one out.
pub fn changed<'a, const N: usize>(
    usual: [(&'a str, &'a str); N],
    changes: &[(&'a str, &'a str)],
) -> Vec<(&'a str, &'a str)> {
    let kept = usual.into_iter().filter(|(name, _)| changes.iter().all(|(changed, _)| changed != name));
    kept.chain(changes.iter().copied()).collect()
}

/// The usual authorization parameters of an application, changed.
pub fn authorization<'a>(client: &'a Client, changes: &[(&'a str, &'a str)]) -> Vec<(&'a str, &'a str)> {
    let usual = [
        ("client_id", client.id.as_str()),
        ("redirect_uri", client.redirect_uris.0[0].as_str()),
        ("response_type", "code"),
        ("scope", "openid read"),
        ("code_challenge", CHALLENGE),
        ("code_challenge_method", "S256"),
    ];
    changed(usual, changes)
}

impl World {
    pub fn validate(&self, pairs: &[(&str, &str)]) -> Result<(Client, AuthorizationRequest), Rejected> {
        let params = form(pairs.iter().copied());
        self.read(|tx, env| Ok(authorize::validate(tx, env, &params))).unwrap()
    }

    /// The request of an application, which must be acceptable.
    pub fn asked(&self, app: &App, changes: Changes<'_>) -> AuthorizationRequest {
        self.validate(&authorization(&app.client, changes)).unwrap().1
    }

    /// A person allows what is asked, in a session of this login.
    pub fn allow(
        &self,
        app: &App,
        by: (&User, &Session),
        request: &AuthorizationRequest,
    ) -> Result<(Consent, Secret)> {
        let (user, session) = by;
        let pairs = Pairs::of(&Scope::parse(&request.scope)?, &request.resources);
        self.write(|tx, env| {
            let consent = consent::grant(
                tx,
                env,
                user,
                &app.client,
                (ConsentOrigin::Code, &pairs, &request.claims.names()),
            )?;
            let code = authorize::issue_code(tx, env, request, (&app.client, user, session, &consent))?;
            Ok((consent, code))
        })
    }

    /// A new person allows a request and the application gets its code.
    pub fn code(&self, app: &App, changes: Changes<'_>) -> Approval {
        let user = self.user(&format!("u{}", self.random.next()));
        let session = self.session(&user);
        let request = self.asked(app, changes);
        let (consent, code) = self.allow(app, (&user, &session), &request).unwrap();
        Approval { app: app.clone(), user, session, consent, redirect_uri: request.redirect_uri, code }
    }

    pub fn redeem(&self, approval: &Approval) -> Result<Tokens> {
        self.post(&approval.app, &approval.redemption())
    }

    /// A code and its tokens.
    pub fn tokens(&self, app: &App, changes: Changes<'_>) -> (Approval, Tokens) {
        let approval = self.code(app, changes);
        let tokens = self.redeem(&approval).unwrap();
        (approval, tokens)
    }

    pub fn refresh(&self, app: &App, token: &str) -> Result<Tokens> {
        self.refresh_with(app, token, &[])
    }

    pub fn refresh_with(&self, app: &App, token: &str, more: &[(&str, &str)]) -> Result<Tokens> {
        let own = [("grant_type", "refresh_token"), ("refresh_token", token)];
        self.post(app, &own.into_iter().chain(more.iter().copied()).collect::<Vec<_>>())
    }

    /// A device asks.
    pub fn device(&self, app: &App, scope: Option<&str>, resources: &[&str]) -> Result<Requested> {
        let scope = scope.map(Scope::parse).transpose()?;
        let resources = Resources::parse(resources.iter().copied())?;
        self.write(|tx, env| device::request(tx, env, &app.client, (scope.as_ref(), resources)))
    }

    /// A new person types the device's code and says yes.
    pub fn approve_device(&self, app: &App, asked: &Requested) -> Approval {
        let user = self.user(&format!("u{}", self.random.next()));
        let session = self.session(&user);
        let consent = self.write(|tx, env| {
            let row = device::by_user_code(tx, env, asked.user_code.expose())?.unwrap();
            let pairs = Pairs::of(&row.scope, &row.resources.0);
            let consent = consent::grant(tx, env, &user, &app.client, (ConsentOrigin::Device, &pairs, &[]))?;
            assert!(device::approve(tx, env, &row, (&user, &session, &consent))?);
            Ok(consent)
        });
        Approval {
            app: app.clone(),
            user,
            session,
            consent: consent.unwrap(),
            redirect_uri: String::new(),
            code: asked.device_code.clone(),
        }
    }

    pub fn poll(&self, app: &App, device_code: &Secret) -> Result<Tokens> {
        self.post(app, &[("grant_type", DEVICE), ("device_code", device_code.expose())])
    }
}

pub const DEVICE: &str = "urn:ietf:params:oauth:grant-type:device_code";

impl Approval {
    /// The token request that redeems the code.
    pub fn redemption(&self) -> [(&str, &str); 4] {
        [
            ("grant_type", "authorization_code"),
            ("code", self.code.expose()),
            ("redirect_uri", &self.redirect_uri),
            ("code_verifier", VERIFIER),
        ]
    }
}

pub type Withdrawal = fn(&World, &Approval);

/// What takes an approval away, each alone; where it can be undone, it is, since what was issued before stays dead.
pub const WITHDRAWALS: [(&str, Withdrawal); 5] = [
    ("user disabled and enabled again", |world, of| {
        for status in [UserStatus::Disabled, UserStatus::Active] {
            world.write(|tx, env| user::set_status(tx, &of.user, status, env.origin, env.ctx)).unwrap();
        }
    }),
    ("password reset", |world, of| {
        world.write(|tx, env| user::reset_password(tx, &of.user, "x", env.origin, env.ctx)).unwrap();
    }),
    ("client disabled and enabled again", |world, of| {
        for status in [ClientStatus::Inactive, ClientStatus::Active] {
            world
                .write(|tx, env| client::set_status(tx, &of.app.client, status, env.origin, env.ctx))
                .unwrap();
        }
    }),
    ("client's tokens revoked", |world, of| {
        world.write(|tx, env| client::revoke_all(tx, &of.app.client, env.origin, env.ctx)).unwrap();
    }),
    ("consent withdrawn", |world, of| {
        assert!(world.write(|tx, env| consent::withdraw(tx, env, &of.consent, None)).unwrap());
    }),
];

/// The columns that user, client, consent and session stand or fall by, each changed alone behind everybody's back.
pub const GROUNDS: [&str; 6] = [
    "users SET status = 'disabled'",
    "users SET epoch = epoch + 1",
    "clients SET epoch = epoch + 1",
    "consents SET status = 'withdrawn'",
    "consents SET epoch = epoch + 1",
    "sessions SET status = 'ended'",
];

/// Logout, which takes away only what was to end with the browser session.
pub fn sign_out(world: &World, of: &Approval) {
    assert!(world.write(|tx, env| session::end(tx, env, &of.user, &of.session.id)).unwrap());
}
