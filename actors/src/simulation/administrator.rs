//! What takes things away from people and clients; and what watches over the server.

use authgate_core::audit::Event;
use authgate_core::client::{self, ClientStatus};
use authgate_core::consent;
use authgate_core::context::Clock as _;
use authgate_core::error::{Code as Why, Error};
use authgate_core::user::{self, UserStatus};

use super::known::{Roots, Target};
use super::life::Life;
use crate::limiter::Allowance;

const ATTEMPTS: Allowance = Allowance { limit: 2, window: 60 };

fn gone() -> Error {
    Error::refused(Why::InvalidRequest, "there is no such thing")
}

impl Life {
    /// What a new token rests on, mostly: who has nothing loses nothing.
    fn recent(&self) -> Option<Roots> {
        let access = self.run.pick_new(&self.run.known.borrow().accesses)?;
        (!self.run.chance(4)).then(|| access.roots.clone())
    }

    fn victim(&self) -> String {
        let recent = self.recent().and_then(|roots| roots.user);
        recent.unwrap_or_else(|| self.run.pick(&self.template.users).unwrap().id)
    }

    pub(super) async fn set_user_status(&self, status: UserStatus) {
        let id = self.victim();
        let target = Target::User(id.clone());
        self.revoke("user status", target, move |tx, env| {
            let user = user::by_id(tx, &id)?.ok_or_else(gone)?;
            user::set_status(tx, &user, status, env.origin, env.ctx)
        })
        .await;
    }

    pub(super) async fn reset_password(&self) {
        let id = self.victim();
        let target = Target::User(id.clone());
        self.revoke("reset password", target, move |tx, env| {
            let user = user::by_id(tx, &id)?.ok_or_else(gone)?;
            user::reset_password(tx, &user, "none", env.origin, env.ctx)
        })
        .await;
    }

    fn client(&self) -> (usize, String) {
        let recent = self.recent().and_then(|roots| roots.client);
        let number = recent.unwrap_or_else(|| usize::try_from(self.run.random.below(3)).unwrap());
        (number, self.app(number).client.id.clone())
    }

    pub(super) async fn set_client_status(&self, status: ClientStatus) {
        let (number, id) = self.client();
        self.revoke("client status", Target::Client(number), move |tx, env| {
            let client = client::by_id(tx, &id)?.ok_or_else(gone)?;
            client::set_status(tx, &client, status, env.origin, env.ctx)
        })
        .await;
    }

    pub(super) async fn revoke_client(&self) {
        let (number, id) = self.client();
        self.revoke("revoke client", Target::Client(number), move |tx, env| {
            let client = client::by_id(tx, &id)?.ok_or_else(gone)?;
            client::revoke_all(tx, &client, env.origin, env.ctx)
        })
        .await;
    }

    /// Only the spare one, or nothing would be left to do.
    pub(super) async fn delete_client(&self) {
        let id = self.app(2).client.id.clone();
        self.revoke("delete client", Target::Client(2), move |tx, env| {
            let client = client::by_id(tx, &id)?.ok_or_else(gone)?;
            client::delete(tx, &client, env.origin, env.ctx)
        })
        .await;
    }

    fn consent(&self) -> Option<String> {
        let known = self.run.known.borrow();
        let code = self.run.pick_new(&known.codes).and_then(|code| code.roots.consent.clone());
        let access = self.run.pick_new(&known.accesses).and_then(|access| access.roots.consent.clone());
        if self.run.chance(2) { code.or(access) } else { access.or(code) }
    }

    pub(super) async fn withdraw(&self) {
        let Some(id) = self.consent() else { return };
        self.revoke("withdraw", Target::Consent(id.clone()), move |tx, env| {
            let consent = consent::by_id(tx, &id)?.ok_or_else(gone)?;
            consent::withdraw(tx, env, &consent, None).map(drop)
        })
        .await;
    }

    pub(super) async fn watch(&self) {
        match self.run.random.below(4) {
            0 => self.count_event(),
            1 => self.attempt().await,
            _ => self.record(Event::warning("LOGIN_FAILED", "Somebody tried")).await,
        }
    }

    fn count_event(&self) {
        let (own, random) = (self.own_env("counted".to_owned()), self.run.random.below(2));
        let first = move || Event::info("TOKEN_INTROSPECTED", "Seen").entry(own.env().origin, own.env().ctx);
        if self.audit.count(format!("key {random}"), first).is_ok() {
            self.run.known.borrow_mut().counted += 1;
        }
    }

    async fn attempt(&self) {
        let (age, now_ms) = (self.ages.limiter.get(), self.clock.now_ms());
        let attempt = self.limiter.take("login", "alice".to_owned(), ATTEMPTS, now_ms);
        let Some(Ok(verdict)) = self.answered("an attempt", attempt).await else { return };
        if verdict.allowed {
            let mut known = self.run.known.borrow_mut();
            let allowed = known.allowed.entry((age, now_ms / 60_000)).or_default();
            *allowed += 1;
            let allowed = *allowed;
            self.run.require(allowed <= ATTEMPTS.limit, || format!("{allowed} attempts in a minute"));
        }
        self.run.count(if verdict.allowed { "attempt allowed" } else { "attempt refused" });
    }
}
