//! What the grants have in common: the rows of a new access token, and its text after the commit.

use serde::Serialize;
use serde_json::{Map, Value};

use crate::audit::Event;
use crate::claims::{self, ClaimsRequest};
use crate::client::{Client, Grant};
use crate::db::{Json, Tx};
use crate::env::Env;
use crate::error::{Code, Error, Result};
use crate::extra_claims::ExtraClaims;
use crate::family::{Family, FamilyState};
use crate::jwt::{self, AccessClaims, Audience};
use crate::keys::{Algorithm, Keys};
use crate::policy::Policy;
use crate::resource::Resources;
use crate::scope::Scope;
use crate::secret::{Secret, base64url};
use crate::token::{self, Token, TokenStatus};
use crate::user::{self, User};

/// What was decided and committed, not signed yet.
#[derive(Clone, Debug)]
pub struct Issued {
    access: AccessClaims,
    refresh_token: Option<Secret>,
    id_token: Option<IdToken>,
}

#[derive(Clone, Debug)]
struct IdToken {
    algorithm: Option<Algorithm>,
    claims: Map<String, Value>,
}

/// The answer of the token endpoint (RFC 6749 5.1).
#[derive(Serialize)]
pub struct TokenResponse {
    access_token: String,
    token_type: &'static str,
    expires_in: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    refresh_token: Option<String>,
    scope: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    id_token: Option<String>,
}

impl TokenResponse {
    /// The access token.
    pub fn access_token(&self) -> &str {
        &self.access_token
    }
}

impl Issued {
    /// Signs the tokens. Belongs after the commit, on the thread that answers.
    pub fn sign(self, keys: &Keys, policy: &Policy) -> Result<TokenResponse> {
        let access_token = jwt::sign(keys.access(), &policy.access_typ, &self.access)?;
        let id_token = self.id_token.map(|IdToken { algorithm, mut claims }| {
            claims.insert("at_hash".into(), jwt::at_hash(&access_token).into());
            jwt::sign(keys.id_token(algorithm), "JWT", &claims)
        });
        Ok(TokenResponse {
            token_type: "Bearer",
            expires_in: self.access.exp - self.access.iat,
            refresh_token: self.refresh_token.map(|token| token.expose().to_owned()),
            scope: self.access.scope,
            id_token: id_token.transpose()?,
            access_token,
        })
    }
}

/// A new access token, as its grant decided it.
pub(super) struct NewToken<'a> {
    pub client: &'a Client,
    pub family: Option<&'a Family>,
    pub user: Option<&'a User>,
    pub scope: Scope,
    pub resources: &'a Resources,
    pub lifetime: i64,
}

impl NewToken<'_> {
    /// Stores the row and drafts the text.
    pub fn store(self, tx: &mut Tx<'_>, env: Env<'_>) -> Result<Issued> {
        if self.client.self_registered() && self.resources.len() > 1 {
            return Err(Error::refused(
                Code::InvalidTarget,
                "an access token of a client that registered itself is for one resource: name one",
            ));
        }
        // The person's role may be another than when they said yes.
        let role = self.user.map(|user| user.role);
        let scope = self.scope.filter(|name| env.policy.may_have(name, role));
        if scope.is_empty() && !self.scope.is_empty() {
            let words = "the person may not give this scope any more";
            return Err(Error::refused(Code::InvalidScope, words));
        }
        let expires_at = env.now() + self.lifetime;
        let token = Token {
            jti: env.ctx.id().to_string(),
            family_id: self.family.map(|family| family.id.clone()),
            client_id: self.client.id.clone(),
            user_id: self.user.map(|user| user.id.clone()),
            audience: Json(self.resources.audience(&env.policy.default_audience)),
            claims: None,
            client_epoch: self.client.epoch,
            issued_at: env.now(),
            // No token outlives its grant, so a used code that is kept as long as the grant shows every replay.
            expires_at: self.family.map_or(expires_at, |family| expires_at.min(family.expires_at)),
            status: TokenStatus::Active,
            scope,
        };
        token.insert(tx)?;
        self.client.note_use(tx, env.now())?;
        Ok(Issued {
            access: AccessClaims {
                iss: env.policy.issuer.clone(),
                sub: token.subject(),
                aud: Audience::of(&token.audience.0),
                exp: token.expires_at,
                iat: token.issued_at,
                scope: token.scope.to_string(),
                user_id: token.subject(),
                kind: "access",
                extra: ExtraClaims::default(),
                private: private_claims(env.policy, self.client, self.user),
                jti: token.jti,
                client_id: token.client_id,
            },
            refresh_token: None,
            id_token: None,
        })
    }
}

/// The contract's private claims, each with the configured prefix.
fn private_claims(policy: &Policy, client: &Client, user: Option<&User>) -> Map<String, Value> {
    let claims = [
        ("domain", policy.domain.as_deref()),
        ("project", client.project.as_deref()),
        ("service_account", client.service_account.as_deref()),
        ("uid", user.map(|user| user.username.as_str())),
    ];
    let present = claims.into_iter().filter_map(|(name, value)| Some((name, value?)));
    present.map(|(name, value)| (format!("{}_{name}", policy.claim_prefix), value.into())).collect()
}

/// What a family and its first tokens are made from: a code or a device code.
pub(super) struct NewGrant<'a> {
    pub grant: Grant,
    pub user_id: &'a str,
    pub consent_id: &'a str,
    pub session_id: Option<&'a str>,
    pub sid: Option<&'a str>,
    pub scope: &'a Scope,
    pub resources: &'a Resources,
    pub claims: &'a str,
    pub nonce: Option<&'a str>,
    pub auth_time: i64,
    pub acr: &'a str,
    pub amr: &'a [String],
    pub user_epoch: i64,
    pub consent_epoch: i64,
}

impl NewGrant<'_> {
    /// The family, stored under an id that its code knows already.
    pub fn family(&self, env: Env<'_>, client: &Client, id: String) -> Family {
        let refreshable = env.policy.refresh_enabled && client.may(Grant::Refresh);
        let profile = env.policy.profile(client.token_profile);
        let expires_at =
            env.now() + if refreshable { env.policy.refresh_max } else { profile.access + env.policy.jitter };
        Family {
            id,
            client_id: client.id.clone(),
            user_id: self.user_id.to_owned(),
            consent_id: self.consent_id.to_owned(),
            session_id: self.session_id.map(str::to_owned),
            sid: self.sid.map(str::to_owned),
            origin: self.grant.as_str().to_owned(),
            scope: self.scope.clone(),
            resources: Json(self.resources.clone()),
            claims: self.claims.to_owned(),
            auth_time: self.auth_time,
            acr: self.acr.to_owned(),
            amr: Json(self.amr.to_vec()),
            binding: None,
            user_epoch: self.user_epoch,
            client_epoch: client.epoch,
            consent_epoch: self.consent_epoch,
            refreshable,
            generation: 1,
            salt: base64url(&env.ctx.bytes::<16>()),
            mac_kid: env.keys.refresh().0.to_owned(),
            rotated_at: env.now(),
            retries: 0,
            last_used_at: env.now(),
            idle_until: expires_at.min(env.now() + profile.refresh),
            created_at: env.now(),
            expires_at,
            state: FamilyState::Active,
            why: None,
            imported_hash: None,
        }
    }

    /// Stores the family and its first access token, with the audit events of both.
    pub fn store(
        self,
        tx: &mut Tx<'_>,
        env: Env<'_>,
        client: &Client,
        new: (Family, &Resources),
    ) -> Result<Issued> {
        let (family, resources) = new;
        family.insert(tx)?;
        let user = require_user(tx, self.user_id)?;
        let asked = NewToken {
            client,
            family: Some(&family),
            user: Some(&user),
            scope: self.scope.clone(),
            resources,
            lifetime: token::lifetime(env, client),
        };
        let mut issued = asked.store(tx, env)?;
        let [access, refresh, id] = match self.grant {
            Grant::Device => [
                "Access token issued via device code exchange",
                "Refresh token issued via device code exchange",
                "ID token issued via device code exchange",
            ],
            _ => [
                "Access token issued via authorization code exchange",
                "Refresh token issued via authorization code exchange",
                "ID token issued via authorization code exchange",
            ],
        };
        let details = serde_json::json!({
            "client_id": client.id, "scopes": issued.access.scope, "family_id": family.id,
            "resource": self.resources, "token_provider": "local",
        });
        let event =
            |kind, action| Event::info(kind, action).by(&user.id).named(&user.username).called(&client.name);
        event("ACCESS_TOKEN_ISSUED", access)
            .on("TOKEN", &issued.access.jti)
            .with(details.clone())
            .write(tx, env.origin, env.ctx)?;
        if family.refreshable {
            issued.refresh_token = Some(family.refresh_token(family.generation, env.keys)?);
            event("REFRESH_TOKEN_ISSUED", refresh)
                .on("TOKEN", &family.id)
                .with(details.clone())
                .write(tx, env.origin, env.ctx)?;
        }
        if issued.add_id_token(env, client, (&family, &user), self.nonce)? {
            event("ID_TOKEN_ISSUED", id)
                .on("TOKEN", &issued.access.jti)
                .with(details)
                .write(tx, env.origin, env.ctx)?;
        }
        Ok(issued)
    }
}

impl Issued {
    /// Adds what the client says. It is in this access token only: not stored, not in the ID token.
    pub(super) fn with_extra_claims(mut self, extra: ExtraClaims) -> Self {
        self.access.extra = extra;
        self
    }

    /// Adds the refresh token of the family's newest generation.
    pub(super) fn add_refresh_token(&mut self, family: &Family, keys: &Keys) -> Result<()> {
        self.refresh_token = Some(family.refresh_token(family.generation, keys)?);
        Ok(())
    }

    /// True if a refresh token is among them.
    pub fn has_refresh_token(&self) -> bool {
        self.refresh_token.is_some()
    }

    /// The id of the access token.
    pub fn jti(&self) -> &str {
        &self.access.jti
    }

    /// Drafts the ID token (OpenID Connect Core 2) if the token's scope has `openid`; true if it does.
    pub(super) fn add_id_token(
        &mut self,
        env: Env<'_>,
        client: &Client,
        of: (&Family, &User),
        nonce: Option<&str>,
    ) -> Result<bool> {
        let (family, user) = of;
        let has = |name: &str| self.access.scope.split(' ').any(|scope| scope == name);
        if !has("openid") {
            return Ok(false);
        }
        let mut claims = Map::new();
        if client.id_token_claims {
            claims = claims::standard(user, &|name| has(name));
        }
        let asked = ClaimsRequest::of_row(&family.claims)?;
        claims::add(&mut claims, user, &asked.id_token, &|scope| client.scopes.has(scope));
        // What the server says comes last, so that nothing of a person's can take its place (ADV 37).
        let mut put = |name: &str, value: Value| drop(claims.insert(name.into(), value));
        put("iss", env.policy.issuer.as_str().into());
        put("sub", user.id.as_str().into());
        put("aud", client.id.as_str().into());
        put("exp", (env.now() + env.policy.id_token).into());
        put("iat", env.now().into());
        put("jti", env.ctx.id().to_string().into());
        put("auth_time", family.auth_time.into());
        if !family.acr.is_empty() {
            put("acr", family.acr.as_str().into());
        }
        if !family.amr.0.is_empty() {
            put("amr", family.amr.0.clone().into());
        }
        if let Some(sid) = &family.sid {
            put("sid", sid.as_str().into());
        }
        if let Some(nonce) = nonce {
            put("nonce", nonce.into());
        }
        self.id_token = Some(IdToken { algorithm: Algorithm::parse(&client.id_token_alg), claims });
        Ok(true)
    }
}

/// The user of a grant whose grounds hold.
pub(super) fn require_user(tx: &mut Tx<'_>, id: &str) -> Result<User> {
    user::by_id(tx, id)?
        .ok_or_else(|| Error::failed(format_args!("database: the user {id} of a live grant is missing")))
}
