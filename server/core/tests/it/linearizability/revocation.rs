//! Issuance against everything that revokes, in every order that random requests find.

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};

use authgate_core::authorize;
use authgate_core::client::{self, ClientStatus, Proof};
use authgate_core::consent::{self, ConsentOrigin, Pairs};
use authgate_core::credentials::Credentials;
use authgate_core::db::Tx;
use authgate_core::env::Env;
use authgate_core::error::{Code, Error, Result};
use authgate_core::family::Presented;
use authgate_core::interaction::AuthorizationRequest;
use authgate_core::revocation::{self, Given};
use authgate_core::scope::Scope;
use authgate_core::secret::Secret;
use authgate_core::session::Session;
use authgate_core::user::{self, User, UserStatus};

use super::code::is_live;
use super::revocation_rule::{Grant, Operation, Revocation, Token};
use super::{Party, Subject, explained};
use crate::flow::VERIFIER;
use crate::seeded::Seeded;
use crate::world::{App, Tokens, World};

struct Everything {
    app: App,
    user: User,
    session: Session,
    request: AuthorizationRequest,
    issued: Mutex<Issued>,
    /// What ends things in this history: a mixture of all would leave little to end.
    ends: [End; 2],
    /// What a switch does next: off, on, off.
    on: AtomicBool,
}

#[derive(Clone, Copy)]
enum End {
    Revoke,
    RevokeGrant,
    Withdraw,
    SwitchUser,
    SwitchClient,
    RevokeAll,
    Delete,
}

const ENDS: [End; 7] = [
    End::Revoke,
    End::RevokeGrant,
    End::Withdraw,
    End::SwitchUser,
    End::SwitchClient,
    End::RevokeAll,
    End::Delete,
];

/// What was handed out, in the order in which it became known.
#[derive(Default)]
struct Issued {
    codes: Vec<Secret>,
    /// Refresh tokens with the code that they came of.
    refresh: Vec<(Grant, String)>,
    access: Vec<Tokens>,
}

/// What happened, unless it was refused for one of these reasons.
fn unless<T>(answer: Result<T>, codes: &[Code]) -> Option<T> {
    match answer {
        Ok(answer) => Some(answer),
        Err(error) if error.code().is_some_and(|code| codes.contains(&code)) => None,
        Err(error) => panic!("{error}"),
    }
}

impl Everything {
    fn make(world: &World, random: &Seeded) -> Self {
        let app = world.web_app();
        let user = world.user(&format!("u{}", world.random.next()));
        let session = world.session(&user);
        let request = world.asked(&app, &[("scope", "read offline_access")]);
        let ends = [(); 2].map(|()| ENDS[usize::try_from(random.below(7)).unwrap()]);
        Self { app, user, session, request, issued: Mutex::default(), ends, on: AtomicBool::new(false) }
    }

    fn allow(&self, party: &Party<'_>) -> Operation {
        let code = party.write(|tx, env| {
            let user = user::by_id(tx, &self.user.id)?.filter(|user| user.status == UserStatus::Active);
            let client = client::by_id(tx, &self.app.client.id)?
                .filter(|client| client.status == ClientStatus::Active);
            let (Some(user), Some(client)) = (user, client) else { return Ok(None) };
            let pairs = Pairs::of(&Scope::parse(&self.request.scope)?, &self.request.resources);
            let consent = consent::grant(tx, env, &user, &client, (ConsentOrigin::Code, &pairs, &[]))?;
            authorize::issue_code(tx, env, &self.request, (&client, &user, &self.session, &consent)).map(Some)
        });
        Operation::Allow(code.unwrap().map(|code| {
            let codes = &mut self.issued.lock().unwrap().codes;
            codes.push(code);
            codes.len() - 1
        }))
    }

    fn learn(&self, tokens: Tokens, of: Option<Grant>) -> Token {
        let mut issued = self.issued.lock().unwrap();
        if let Some(grant) = of.filter(|grant| issued.refresh.iter().all(|(known, _)| known != grant)) {
            issued.refresh.push((grant, tokens.refresh().to_owned()));
        }
        issued.access.push(tokens);
        issued.access.len() - 1
    }

    fn ask(&self, party: &Party<'_>, form: &[(&str, &str)], of: Option<Grant>) -> Option<Token> {
        let refusals = [Code::InvalidGrant, Code::InvalidClient];
        unless(party.post(&self.app, form), &refusals).map(|tokens| self.learn(tokens, of))
    }

    /// One of the newest codes.
    fn redeem(&self, party: &Party<'_>) -> Option<Operation> {
        let codes = self.issued.lock().unwrap().codes.clone();
        let at = party.choose(&(0..codes.len()).rev().take(3).collect::<Vec<_>>())?;
        let form = [
            ("grant_type", "authorization_code"),
            ("code", codes[at].expose()),
            ("redirect_uri", &self.request.redirect_uri),
            ("code_verifier", VERIFIER),
        ];
        Some(Operation::Redeem(at, self.ask(party, &form, Some(at))))
    }

    fn refresh(&self, party: &Party<'_>) -> Option<Operation> {
        let known = self.issued.lock().unwrap().refresh.clone();
        let (grant, token) = party.choose(&known)?;
        let form = [("grant_type", "refresh_token"), ("refresh_token", token.as_str())];
        Some(Operation::Refresh(grant, self.ask(party, &form, Some(grant))))
    }

    fn machine(&self, party: &Party<'_>) -> Operation {
        Operation::Machine(self.ask(party, &[("grant_type", "client_credentials")], None))
    }

    /// An access token, likelier a new one.
    fn token(&self, party: &Party<'_>) -> Option<(Token, Tokens)> {
        let access = self.issued.lock().unwrap().access.clone();
        let at = party.choose(&(0..access.len()).rev().take(3).collect::<Vec<_>>())?;
        Some((at, access[at].clone()))
    }

    fn look(&self, party: &Party<'_>) -> Option<Operation> {
        let (at, tokens) = self.token(party)?;
        Some(Operation::Live(at, is_live(party, tokens.claim("jti").as_str().unwrap())))
    }

    fn give_back(&self, party: &Party<'_>, given: &Given) -> bool {
        let credentials = Credentials {
            client_id: self.app.client.id.clone(),
            secret: self.app.secret.clone(),
            basic: true,
        };
        let revoked = party.write(|tx, env| {
            let client = client::authenticate(tx, &credentials, Proof::Always, env.policy, env.now())?;
            revocation::revoke(tx, env, &client, given)
        });
        unless(revoked, &[Code::InvalidClient]).is_some()
    }

    fn revoke(&self, party: &Party<'_>) -> Option<Operation> {
        let (at, tokens) = self.token(party)?;
        Some(Operation::Revoke(
            at,
            self.give_back(party, &Given::Access(tokens.claim("jti").as_str().unwrap().to_owned())),
        ))
    }

    fn revoke_grant(&self, party: &Party<'_>) -> Option<Operation> {
        let known = self.issued.lock().unwrap().refresh.clone();
        let (grant, token) = party.choose(&known)?;
        Some(Operation::RevokeGrant(
            grant,
            self.give_back(party, &Given::Refresh(Presented::parse(&Secret::new(token))?)),
        ))
    }

    fn withdraw(&self, party: &Party<'_>) -> Operation {
        let (user, client) = (&self.user.id, &self.app.client.id);
        let withdrawn = party.write(|tx, env| {
            let Some(found) = consent::active(tx, user, client, ConsentOrigin::Code)? else {
                return Ok(true);
            };
            consent::withdraw(tx, env, &found, Some(user))
        });
        assert!(withdrawn.unwrap());
        Operation::Withdraw
    }

    /// What an operator's command does to the client, if it is still there.
    fn with_client(
        &self,
        party: &Party<'_>,
        job: impl FnOnce(&mut Tx<'_>, Env<'_>, &client::Client) -> Result<()>,
    ) -> bool {
        let done = party.write(|tx, env| match client::by_id(tx, &self.app.client.id)? {
            Some(client) => job(tx, env, &client),
            None => Err(Error::refused(Code::InvalidRequest, "it is gone")),
        });
        unless(done, &[Code::InvalidRequest]).is_some()
    }

    fn switch_client(&self, party: &Party<'_>, on: bool) -> Operation {
        let status = if on { ClientStatus::Active } else { ClientStatus::Inactive };
        let switch = |tx: &mut Tx<'_>, env: Env<'_>, client: &client::Client| {
            client::set_status(tx, client, status, env.origin, env.ctx)
        };
        Operation::SwitchClient { on, happened: self.with_client(party, switch) }
    }

    fn switch_user(&self, party: &Party<'_>, on: bool) -> Operation {
        let status = if on { UserStatus::Active } else { UserStatus::Disabled };
        let switched = party.write(|tx, env| user::set_status(tx, &self.user, status, env.origin, env.ctx));
        Operation::SwitchUser { on, happened: unless(switched, &[Code::InvalidRequest]).is_some() }
    }

    fn revoke_all(&self, party: &Party<'_>) -> Operation {
        self.with_client(party, |tx, env, client| client::revoke_all(tx, client, env.origin, env.ctx));
        Operation::RevokeAll
    }

    fn end(&self, party: &Party<'_>) -> Option<Operation> {
        match self.ends[usize::try_from(party.random.below(2)).unwrap()] {
            End::Revoke => self.revoke(party),
            End::RevokeGrant => self.revoke_grant(party),
            End::Withdraw => Some(self.withdraw(party)),
            End::SwitchUser => Some(self.switch_user(party, self.on.fetch_not(Ordering::SeqCst))),
            End::SwitchClient => Some(self.switch_client(party, self.on.fetch_not(Ordering::SeqCst))),
            End::RevokeAll => Some(self.revoke_all(party)),
            End::Delete => Some(self.delete(party)),
        }
    }

    fn delete(&self, party: &Party<'_>) -> Operation {
        self.with_client(party, |tx, env, client| client::delete(tx, client, env.origin, env.ctx));
        Operation::Delete
    }
}

impl Subject for Everything {
    type Rule = Revocation;

    /// Something to end.
    fn open(&self, party: &Party<'_>) -> Vec<Operation> {
        let begun = [self.allow(party)].into_iter().chain(self.redeem(party));
        begun.chain([self.allow(party), self.machine(party)]).collect()
    }

    fn turn(&self, party: &Party<'_>) -> Operation {
        let chosen = match party.random.below(20) {
            0..=4 => self.redeem(party),
            5..=8 => self.refresh(party),
            9..=12 => self.look(party),
            13 => Some(self.machine(party)),
            14..=16 => self.end(party),
            _ => None,
        };
        chosen.unwrap_or_else(|| self.allow(party))
    }

    fn wait(&self, _: &Seeded) -> Option<(i64, Operation)> {
        None
    }

    /// Each access token that was ever handed out.
    fn close(&self, party: &Party<'_>) -> Vec<Operation> {
        let access = self.issued.lock().unwrap().access.clone();
        let looked = access.iter().enumerate();
        looked
            .map(|(at, tokens)| Operation::Live(at, is_live(party, tokens.claim("jti").as_str().unwrap())))
            .collect()
    }
}

#[test]
fn i3_adv_02_histories_of_issuance_and_revocation_are_explained() {
    explained(&World::new(), Everything::make);
}
