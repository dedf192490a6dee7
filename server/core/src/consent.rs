//! What a person allowed a client: pairs of resource and scope (`sessions-and-consent.md`).

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::audit::Event;
use crate::client::Client;
use crate::db::{Json, Tx, params, row, text_enum};
use crate::env::Env;
use crate::error::Result;
use crate::resource::Resources;
use crate::scope::Scope;
use crate::user::User;

/// What stands for the default audience in a pair.
pub const DEFAULT: &str = "default";

text_enum! {
    /// How a consent came about. Only those of the code flow are ever remembered.
    pub enum ConsentOrigin {
        /// The consent page.
        Code = "code",
        /// A device that was confirmed.
        Device = "device",
    }
}

text_enum! {
    /// Whether a consent holds.
    pub enum ConsentStatus {
        /// It does.
        Active = "active",
        /// It was taken back.
        Withdrawn = "withdrawn",
    }
}

/// Pairs of a resource in canonical form, or [`DEFAULT`], and a scope name.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pairs(BTreeSet<(String, String)>);

impl Pairs {
    /// What a request asks for: each scope at each resource, or at the default audience if it names none.
    pub fn of(scope: &Scope, resources: &Resources) -> Self {
        let mut places = resources.canonical();
        if places.is_empty() {
            places.insert(DEFAULT);
        }
        let pairs =
            places.iter().flat_map(|place| scope.iter().map(|name| ((*place).to_owned(), name.to_owned())));
        Self(pairs.collect())
    }

    /// True if each pair is in `other`.
    pub fn within(&self, other: &Pairs) -> bool {
        self.0.is_subset(&other.0)
    }

    /// True if some pair of `self` that has this scope is not in `other`.
    pub fn adds(&self, scope: &str, other: &Pairs) -> bool {
        self.0.difference(&other.0).any(|(_, name)| name == scope)
    }

    /// The scope names, each once.
    pub fn scopes(&self) -> BTreeSet<&str> {
        self.0.iter().map(|(_, scope)| scope.as_str()).collect()
    }

    /// The resources, each once, without the default audience.
    pub fn resources(&self) -> BTreeSet<&str> {
        self.0.iter().map(|(place, _)| place.as_str()).filter(|place| *place != DEFAULT).collect()
    }
}

row! {
    /// A consent.
    pub struct Consent in "consents" {
        /// Stays while the consent grows; a new one after it was withdrawn.
        id: String,
        /// Who consented.
        user_id: String,
        /// To what.
        client_id: String,
        /// How.
        origin: ConsentOrigin,
        /// The pairs.
        pairs: Json<Pairs>,
        /// Individually requested claims.
        claims: Json<Vec<String>>,
        /// What the client was when the person agreed.
        client_digest: String,
        /// Whether it holds.
        status: ConsentStatus,
        /// The user's epoch at the time.
        user_epoch: i64,
        /// The client's epoch at the time.
        client_epoch: i64,
        /// Raised by withdrawal.
        epoch: i64,
        /// Unix seconds of the last approval.
        granted_at: i64,
        /// Unix seconds.
        withdrawn_at: Option<i64>,
        /// Unix seconds.
        last_used_at: Option<i64>,
    }
}

impl Consent {
    /// True if it was given at the epochs that user and client have now.
    pub fn holds(&self, user: &User, client: &Client) -> bool {
        self.status == ConsentStatus::Active
            && self.user_epoch == user.epoch
            && self.client_epoch == client.epoch
    }

    /// True if the person need not be asked again for `asked`.
    pub fn covers(
        &self,
        asked: (&Pairs, &[String]),
        user: &User,
        client: &Client,
        max_age: i64,
        now: i64,
    ) -> bool {
        self.holds(user, client) && self.is_current(client, max_age, now) && self.has(asked)
    }

    /// True if all of these pairs and claims are in it.
    pub fn has(&self, (pairs, claims): (&Pairs, &[String])) -> bool {
        pairs.within(&self.pairs.0) && claims.iter().all(|claim| self.claims.0.contains(claim))
    }

    /// True if it was given to the client as it is now, less than `max_age` seconds ago.
    pub fn is_current(&self, client: &Client, max_age: i64, now: i64) -> bool {
        self.granted_at > now - max_age && self.client_digest == client.digest()
    }
}

/// The active consent of a user to a client.
pub fn active(
    tx: &mut Tx<'_>,
    user_id: &str,
    client_id: &str,
    origin: ConsentOrigin,
) -> Result<Option<Consent>> {
    tx.one(
        &format!(
            "SELECT {} FROM consents WHERE user_id = ?1 AND client_id = ?2 AND origin = ?3 AND status = 'active'",
            Consent::COLUMNS
        ),
        params![user_id, client_id, origin],
    )
}

/// A consent by its id, whatever its status.
pub fn by_id(tx: &mut Tx<'_>, id: &str) -> Result<Option<Consent>> {
    tx.one(&format!("SELECT {} FROM consents WHERE id = ?1", Consent::COLUMNS), params![id])
}

/// Every active consent, of one user or of all, newest first.
pub fn list(tx: &mut Tx<'_>, user_id: Option<&str>) -> Result<Vec<Consent>> {
    let columns = Consent::COLUMNS;
    match user_id {
        Some(user_id) => tx.all(
            &format!(
                "SELECT {columns} FROM consents WHERE user_id = ?1 AND status = 'active' ORDER BY granted_at DESC, id DESC"
            ),
            params![user_id],
        ),
        None => tx.all(
            &format!("SELECT {columns} FROM consents WHERE status = 'active' ORDER BY granted_at DESC, id DESC"),
            &[],
        ),
    }
}

/// Records an approval: the record grows by the pairs and claims asked for now, and never by a cross product with older ones.
/// Pairs that were allowed to what the client was before, or too long ago, are not taken over: this approval is not
/// about them. A record of older epochs is closed, and a new one is made.
pub fn grant(
    tx: &mut Tx<'_>,
    env: Env<'_>,
    user: &User,
    client: &Client,
    asked: (ConsentOrigin, &Pairs, &[String]),
) -> Result<Consent> {
    let (origin, pairs, claims) = asked;
    let known = active(tx, &user.id, &client.id, origin)?;
    let consent = match known {
        Some(mut consent) if consent.holds(user, client) => {
            if !consent.is_current(client, env.policy.consent_max_age, env.now()) {
                consent.pairs = Json(Pairs::default());
                consent.claims.0.clear();
            }
            consent.pairs.0.0.extend(pairs.0.iter().cloned());
            let new: Vec<_> =
                claims.iter().filter(|claim| !consent.claims.0.contains(claim)).cloned().collect();
            consent.claims.0.extend(new);
            consent.granted_at = env.now();
            consent.client_digest = client.digest();
            tx.execute(
                "UPDATE consents SET pairs = ?2, granted_at = ?3, client_digest = ?4, claims = ?5 WHERE id = ?1",
                params![
                    &consent.id,
                    &consent.pairs,
                    consent.granted_at,
                    &consent.client_digest,
                    &consent.claims
                ],
            )?;
            consent
        }
        stale => {
            if let Some(stale) = stale {
                end(tx, &stale, env.now())?;
            }
            let consent = Consent {
                id: env.ctx.id().to_string(),
                user_id: user.id.clone(),
                client_id: client.id.clone(),
                origin,
                pairs: Json(pairs.clone()),
                claims: Json(claims.to_vec()),
                client_digest: client.digest(),
                status: ConsentStatus::Active,
                user_epoch: user.epoch,
                client_epoch: client.epoch,
                epoch: 1,
                granted_at: env.now(),
                withdrawn_at: None,
                last_used_at: None,
            };
            consent.insert(tx)?;
            consent
        }
    };
    client.note_use(tx, env.now())?;
    let scopes: Vec<_> = pairs.scopes().into_iter().collect();
    Event::info("USER_AUTHORIZATION_GRANTED", "User granted authorization to application")
        .by(&user.id)
        .named(&user.username)
        .on("AUTHORIZATION", &consent.id)
        .called(&client.name)
        .with(serde_json::json!({"client_id": client.id, "scopes": scopes.join(" "), "origin": origin}))
        .write(tx, env.origin, env.ctx)?;
    Ok(consent)
}

/// Withdraws a consent: everything that grew from it is dead from this commit on. False if it was withdrawn before.
pub fn withdraw(tx: &mut Tx<'_>, env: Env<'_>, consent: &Consent, actor: Option<&str>) -> Result<bool> {
    if !end(tx, consent, env.now())? {
        return Ok(false);
    }
    let event = Event {
        actor,
        ..Event::info("USER_AUTHORIZATION_REVOKED", "User revoked authorization for application")
    };
    event
        .on("AUTHORIZATION", &consent.id)
        .with(serde_json::json!({"client_id": consent.client_id, "user_id": consent.user_id}))
        .write(tx, env.origin, env.ctx)?;
    Ok(true)
}

fn end(tx: &mut Tx<'_>, consent: &Consent, now: i64) -> Result<bool> {
    let changed = tx.execute(
        "UPDATE consents SET status = 'withdrawn', epoch = epoch + 1, withdrawn_at = ?2 WHERE id = ?1 AND status = 'active'",
        params![&consent.id, now],
    )?;
    // The epoch has ended everything already; this keeps the rows readable for people.
    tx.execute(
        "UPDATE families SET state = 'revoked', why = 'consent' WHERE user_id = ?1 AND consent_id = ?2 AND state = 'active'",
        params![&consent.user_id, &consent.id],
    )?;
    Ok(changed == 1)
}
