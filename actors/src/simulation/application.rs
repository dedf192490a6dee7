//! What clients do at the token endpoint, and give back.

use std::cell::RefCell;
use std::rc::Rc;

use authgate_core::client::{self, Proof};
use authgate_core::grants::{self, Issued, TokenRequest};
use authgate_core::revocation::{self, Given};
use authgate_core::secret::Secret;
use authgate_core::{family, jwt, token};

use super::browser::{REDIRECT_URI, VERIFIER};
use super::known::{Access, Code, Refresh, Roots, Target};
use super::life::{Life, No};

impl Life {
    pub(super) async fn exchange(
        &self,
        what: &str,
        client: usize,
        pairs: &[(&str, &str)],
    ) -> Result<Issued, No> {
        let request = TokenRequest::read(None, &self.app(client).form(pairs)).unwrap();
        self.write(what, move |tx, env| grants::exchange(tx, env, &request)).await
    }

    /// An exchange that may end what was granted before, because its code or token came back.
    pub(super) async fn exchange_or_end(
        &self,
        what: &str,
        (roots, target): (&Roots, Target),
        pairs: &[(&str, &str)],
    ) -> Option<Issued> {
        let moment = self.run.moment();
        let is_dead = self.run.known.borrow().is_dead(roots);
        let ended = target.clone();
        let revocation = self.run.known.borrow_mut().revoking(target, moment);
        let answer = self.exchange(what, roots.client.unwrap(), pairs).await;
        let mut known = self.run.known.borrow_mut();
        match &answer {
            Err(No::Kept(_)) => known.revoked(revocation, self.run.moment()),
            Err(No::Unknown) => {}
            Ok(_) | Err(No::Refused(_)) => known.not_revoked(revocation),
        }
        drop(known);
        self.run.require(!(is_dead && answer.is_ok()), || {
            format!("{what} gives tokens of what is over: {roots:?}")
        });
        if matches!(answer, Err(No::Kept(_))) {
            self.present_all(Some(&ended));
        }
        answer.ok()
    }

    pub(super) async fn redeem(self: Rc<Self>, code: Rc<Code>) -> Option<Rc<Refresh>> {
        let made = code.roots.code.unwrap();
        let pairs = [
            ("grant_type", "authorization_code"),
            ("code", code.text.expose()),
            ("redirect_uri", REDIRECT_URI),
            ("code_verifier", VERIFIER),
        ];
        let issued = self.exchange_or_end("redeem", (&code.roots, Target::Code(made)), &pairs).await;
        let issued = issued?;
        let again = code.is_used.replace(true);
        self.run.require(!again, || format!("the code {made} was redeemed twice"));
        self.receive(issued, &code.roots)
    }

    pub(super) async fn refresh(self: Rc<Self>, refresh: Rc<Refresh>) -> Option<Rc<Refresh>> {
        let is_spent = refresh.next.borrow().as_ref().is_some_and(|next| next.next.borrow().is_some());
        let pairs = [("grant_type", "refresh_token"), ("refresh_token", refresh.token.expose())];
        let target = Target::Family(refresh.roots.family.clone().unwrap());
        let issued = self.exchange_or_end("refresh", (&refresh.roots, target), &pairs).await?;
        self.run.require(!is_spent, || format!("a refresh token was used again: {:?}", refresh.roots));
        let next = self.receive(issued, &refresh.roots).expect("a refresh answers with a refresh token");
        let differs = |known: &Rc<Refresh>| !Rc::ptr_eq(known, &next);
        let forked = refresh.next.borrow().as_ref().is_some_and(differs) || Rc::ptr_eq(&refresh, &next);
        self.run.require(!forked, || format!("a refresh token was not rotated once: {:?}", refresh.roots));
        refresh.next.replace(Some(Rc::clone(&next)));
        Some(next)
    }

    pub(super) async fn client_credentials(&self) {
        let client = self.run.pick(&[0, 2]).unwrap();
        let asked = self.run.moment();
        let Ok(issued) =
            self.exchange("client credentials", client, &[("grant_type", "client_credentials")]).await
        else {
            return;
        };
        self.receive(issued, &Roots { client: Some(client), asked, ..Roots::default() });
    }

    /// A client has its answer: signed after the commit, as on the thread of a worker. Returns the refresh token.
    pub(super) fn receive(&self, issued: Issued, roots: &Roots) -> Option<Rc<Refresh>> {
        let (keys, policy) = (&self.template.keys, &self.template.policy);
        let json = serde_json::to_value(issued.sign(keys, policy).unwrap()).unwrap();
        let text = |name: &str| json[name].as_str().map(Secret::new);
        let access = text("access_token").unwrap();
        let jti = jwt::verify_access(&access, keys, &policy.issuer).unwrap();
        let row = self.read(|tx, _| token::by_jti(tx, &jti)).unwrap();
        self.run.require(row.is_some(), || format!("the token {jti} was answered and is not there"));
        let row = row?;
        let mut roots = roots.clone();
        if let Some(id) = &row.family_id {
            let family = self.read(|tx, _| family::by_id(tx, id)).unwrap()?;
            roots = Roots {
                user: Some(family.user_id),
                consent: Some(family.consent_id),
                session: family.session_id,
                family: row.family_id,
                ..roots
            };
        }
        let since = Some(roots.since.unwrap_or_else(|| self.run.moment()));
        let roots = Roots { since, ..roots };
        self.note(&format!("received {jti} {roots:?}"));
        let access = Access {
            text: access,
            expires_at: row.expires_at,
            roots: Roots { jti: Some(jti), ..roots.clone() },
        };
        let mut known = self.run.known.borrow_mut();
        known.accesses.push(Rc::new(access));
        let token = text("refresh_token")?;
        let held = known.refreshes.iter().find(|held| held.token == token).cloned();
        Some(held.unwrap_or_else(|| {
            let held = Rc::new(Refresh { token, roots, next: RefCell::default() });
            known.refreshes.push(Rc::clone(&held));
            held
        }))
    }

    /// A token, the client that holds it, and what ends with it.
    fn token(&self) -> Option<(Secret, usize, Target)> {
        let known = self.run.known.borrow();
        if self.run.chance(2) {
            let Refresh { token, roots, .. } = &*self.run.pick_new(&known.refreshes)?;
            return Some((token.clone(), roots.client?, Target::Family(roots.family.clone()?)));
        }
        let Access { text, roots, .. } = &*self.run.pick_new(&known.accesses)?;
        Some((text.clone(), roots.client?, Target::Token(roots.jti.clone()?)))
    }

    /// A client gives a token back (RFC 7009).
    pub(super) async fn give_back(&self) {
        let Some((text, client, target)) = self.token() else { return };
        let credentials = self.app(client).credentials();
        let (keys, issuer) = (&self.template.keys, &self.template.policy.issuer);
        let given = Given::read(&text, |text| jwt::verify_access(text, keys, issuer)).unwrap();
        self.revoke("give back", target, move |tx, env| {
            let client = client::authenticate(tx, &credentials, Proof::Always, env.policy, env.now())?;
            revocation::revoke(tx, env, &client, &given)
        })
        .await;
    }
}
