//! What is taken away, and whether it is gone.

use authgate_core::db::Tx;
use authgate_core::env::Env;
use authgate_core::error::Result;
use authgate_core::token;

use super::known::{Access, Target};
use super::life::{Life, No};

impl Life {
    /// What takes something away, once it is acknowledged, takes it away for good.
    pub(super) async fn revoke(
        &self,
        what: &str,
        target: Target,
        job: impl FnOnce(&mut Tx<'_>, Env<'_>) -> Result<()> + Send + 'static,
    ) {
        let moment = self.run.moment();
        let revocation = self.run.known.borrow_mut().revoking(target.clone(), moment);
        match self.write(what, job).await {
            Ok(()) => {
                let moment = self.run.moment();
                self.run.known.borrow_mut().revoked(revocation, moment);
                self.present_all(Some(&target));
            }
            Err(No::Refused(_)) => self.run.known.borrow_mut().not_revoked(revocation),
            Err(No::Kept(_) | No::Unknown) => {}
        }
    }

    /// Somebody shows an access token to a resource server, which asks.
    fn present(&self, access: &Access) {
        let own = self.own_env("present".to_owned());
        let verdict = self.store.read(|tx| token::present(tx, own.env(), &access.text));
        let known = self.run.known.borrow();
        let is_over = self.ctx().now() >= access.expires_at;
        let (is_dead, may_be_dead) = (known.is_dead(&access.roots), known.may_be_dead(&access.roots));
        let text = || format!("{:?}", access.roots);
        self.run.require(verdict.is_err() || !is_dead, || format!("a revoked token is live: {}", text()));
        self.run.require(verdict.is_err() || !is_over, || format!("an expired token is live: {}", text()));
        let is_good = !is_over && !may_be_dead;
        self.run.require(verdict.is_ok() || !is_good, || format!("a good token is refused: {}", text()));
        self.run.count(match (verdict.is_ok(), is_dead) {
            (true, _) => "present live",
            (false, true) => "present revoked",
            (false, false) => "present other",
        });
    }

    /// Every access token that rests on `target`, or every one.
    pub(super) fn present_all(&self, target: Option<&Target>) {
        let accesses = self.run.known.borrow().accesses.clone();
        let rests = |access: &Access| target.is_none_or(|target| target.is_of(&access.roots));
        accesses.iter().filter(|access| rests(access)).for_each(|access| self.present(access));
    }
}
