//! Issuance over HTTP against everything that revokes. Who allows and who operates does so in the server's process.

use std::cell::{Cell, RefCell};

use authgate_core::authorize;
use authgate_core::client::{self, ClientStatus, ClientType, Grant as GrantType};
use authgate_core::consent::{self, ConsentOrigin, Pairs};
use authgate_core::db::Tx;
use authgate_core::env::Env;
use authgate_core::error::{Code, Error, Result};
use authgate_core::form::Params;
use authgate_core::interaction::AuthorizationRequest;
use authgate_core::scope::Scope;
use authgate_core::session::{self, Browser, Lives, Session};
use authgate_core::user::{self, User, UserStatus};

use super::revocation_rule::{Grant, Operation, Revocation, Token};
use super::seeded::Seeded;
use super::{Party, Subject, play, seeds};
use crate::util::{CALLBACK, CHALLENGE, Registered, Reply, TestApp};

struct Everything<'a> {
    app: &'a TestApp,
    web: Registered,
    watcher: &'a Registered,
    user: User,
    session: Session,
    request: AuthorizationRequest,
    issued: RefCell<Issued>,
    /// What ends things in this history: a mixture of all would leave little to end.
    ends: [u64; 2],
    /// What a switch does next: off, on, off.
    on: Cell<bool>,
}

/// What was handed out, in the order in which it became known.
#[derive(Default)]
struct Issued {
    codes: Vec<String>,
    /// Refresh tokens with the code that they came of.
    refresh: Vec<(Grant, String)>,
    access: Vec<String>,
}

impl<'a> Everything<'a> {
    async fn make(app: &'a TestApp, watcher: &'a Registered, name: String, random: &Seeded) -> Self {
        let machine = |spec: &mut client::ClientSpec| spec.grants.push(GrantType::ClientCredentials);
        let web = app.client_of(ClientType::Confidential, machine).await;
        let asked = [
            ("client_id", web.id.as_str()),
            ("redirect_uri", CALLBACK),
            ("response_type", "code"),
            ("scope", "read offline_access"),
            ("code_challenge", CHALLENGE),
            ("code_challenge_method", "S256"),
        ];
        let params: Params =
            asked.map(|(name, value)| (name.to_owned(), value.to_owned())).into_iter().collect();
        let own = app.app.env_of("test");
        let made = app.write(move |tx| {
            let env = own.env();
            let new = user::NewUser {
                username: name,
                email: None,
                full_name: None,
                role: user::Role::User,
                password_hash: None,
            };
            let user = user::create(tx, new, env.origin, env.ctx)?;
            let lives = Lives { idle: 1800, max_age: 3600, remembered: 3600 };
            let (session, _) = session::create(tx, env, &user, (Browser::default(), false, lives))?;
            let Ok((_, request)) = authorize::validate(tx, env, &params) else {
                return Err(Error::failed("the request is refused"));
            };
            Ok((user, session, request))
        });
        let (user, session, request) = made.await;
        let ends = [(); 2].map(|()| random.below(7));
        Self {
            app,
            web,
            watcher,
            user,
            session,
            request,
            issued: RefCell::default(),
            ends,
            on: Cell::default(),
        }
    }

    /// What happens in the server's process; false if there was nothing to change.
    async fn operate(&self, job: impl FnOnce(&mut Tx<'_>, Env<'_>) -> Result<()> + Send + 'static) -> bool {
        let own = self.app.app.env_of("test");
        match self.app.app.issuer.write(move |tx| job(tx, own.env())).await {
            Ok(()) => true,
            Err(error) if error.code() == Some(Code::InvalidRequest) => false,
            Err(error) => panic!("{error}"),
        }
    }

    async fn with_client(
        &self,
        job: impl FnOnce(&mut Tx<'_>, Env<'_>, &client::Client) -> Result<()> + Send + 'static,
    ) -> bool {
        let id = self.web.id.clone();
        let gone = || Error::refused(Code::InvalidRequest, "it is gone");
        self.operate(move |tx, env| {
            let client = client::by_id(tx, &id)?.ok_or_else(gone)?;
            job(tx, env, &client)
        })
        .await
    }

    async fn allow(&self) -> Operation {
        let (own, session) = (self.app.app.env_of("test"), self.session.clone());
        let (user, client, request) = (self.user.id.clone(), self.web.id.clone(), self.request.clone());
        let code = self.app.write(move |tx| {
            let env = own.env();
            let user = user::by_id(tx, &user)?.filter(|user| user.status == UserStatus::Active);
            let client = client::by_id(tx, &client)?.filter(|client| client.status == ClientStatus::Active);
            let (Some(user), Some(client)) = (user, client) else { return Ok(None) };
            let pairs = Pairs::of(&Scope::parse(&request.scope)?, &request.resources);
            let consent = consent::grant(tx, env, &user, &client, (ConsentOrigin::Code, &pairs, &[]))?;
            authorize::issue_code(tx, env, &request, (&client, &user, &session, &consent)).map(Some)
        });
        Operation::Allow(code.await.map(|code| {
            let codes = &mut self.issued.borrow_mut().codes;
            codes.push(code.expose().to_owned());
            codes.len() - 1
        }))
    }

    fn learn(&self, reply: &Reply, of: Option<Grant>) -> Option<Token> {
        if reply.status != 200 {
            assert!(matches!(reply.error().as_str(), "invalid_grant" | "invalid_client"), "{}", reply.text());
            return None;
        }
        let mut issued = self.issued.borrow_mut();
        if let Some(grant) = of.filter(|grant| issued.refresh.iter().all(|(known, _)| known != grant)) {
            issued.refresh.push((grant, reply.member("refresh_token")));
        }
        issued.access.push(reply.member("access_token"));
        Some(issued.access.len() - 1)
    }

    /// One of the newest codes.
    async fn redeem(&self, party: &Party) -> Option<Operation> {
        let codes = self.issued.borrow().codes.clone();
        let at = party.choose(&(0..codes.len()).rev().take(3).collect::<Vec<_>>())?;
        let reply = self.web.redeem(&party.http, &codes[at]).await;
        Some(Operation::Redeem(at, self.learn(&reply, Some(at))))
    }

    async fn refresh(&self, party: &Party) -> Option<Operation> {
        let known = self.issued.borrow().refresh.clone();
        let (grant, token) = party.choose(&known)?;
        let reply = self.web.refresh(&party.http, &token).await;
        Some(Operation::Refresh(grant, self.learn(&reply, Some(grant))))
    }

    async fn machine(&self, party: &Party) -> Operation {
        let reply = self.web.token(&party.http, &[("grant_type", "client_credentials")]).await;
        Operation::Machine(self.learn(&reply, None))
    }

    /// An access token, likelier a new one.
    fn token(&self, party: &Party) -> Option<(Token, String)> {
        let access = self.issued.borrow().access.clone();
        let at = party.choose(&(0..access.len()).rev().take(3).collect::<Vec<_>>())?;
        Some((at, access[at].clone()))
    }

    async fn is_live(&self, party: &Party, token: &str) -> bool {
        if party.random.below(2) == 0 {
            return self.watcher.is_live(&party.http, token).await;
        }
        party.http.status_with("/oauth/tokeninfo", token).await == 200
    }

    async fn look(&self, party: &Party) -> Option<Operation> {
        let (at, token) = self.token(party)?;
        Some(Operation::Live(at, self.is_live(party, &token).await))
    }

    /// True if the client is still one.
    async fn give_back(&self, party: &Party, token: &str) -> bool {
        let reply = self.web.post(&party.http, "/oauth/revoke", &[("token", token)]).await;
        assert!(matches!(reply.status, 200 | 401), "{}", reply.text());
        reply.status == 200
    }

    async fn end(&self, party: &Party) -> Option<Operation> {
        let (user, on) = (self.user.clone(), self.on.get());
        Some(match self.ends[usize::try_from(party.random.below(2)).unwrap()] {
            0 => {
                let (at, token) = self.token(party)?;
                Operation::Revoke(at, self.give_back(party, &token).await)
            }
            1 => {
                let known = self.issued.borrow().refresh.clone();
                let (grant, token) = party.choose(&known)?;
                Operation::RevokeGrant(grant, self.give_back(party, &token).await)
            }
            2 => {
                let client = self.web.id.clone();
                self.operate(move |tx, env| {
                    let found = consent::active(tx, &user.id, &client, ConsentOrigin::Code)?;
                    found.map_or(Ok(()), |found| consent::withdraw(tx, env, &found, None).map(drop))
                })
                .await;
                Operation::Withdraw
            }
            3 => {
                self.on.set(!on);
                let status = if on { UserStatus::Active } else { UserStatus::Disabled };
                let switch = move |tx: &mut Tx<'_>, env: Env<'_>| {
                    user::set_status(tx, &user, status, env.origin, env.ctx)
                };
                Operation::SwitchUser { on, happened: self.operate(switch).await }
            }
            4 => {
                self.on.set(!on);
                let status = if on { ClientStatus::Active } else { ClientStatus::Inactive };
                let switch = move |tx: &mut Tx<'_>, env: Env<'_>, client: &client::Client| {
                    client::set_status(tx, client, status, env.origin, env.ctx)
                };
                Operation::SwitchClient { on, happened: self.with_client(switch).await }
            }
            5 => {
                self.with_client(|tx, env, client| client::revoke_all(tx, client, env.origin, env.ctx)).await;
                Operation::RevokeAll
            }
            _ => {
                self.with_client(|tx, env, client| client::delete(tx, client, env.origin, env.ctx)).await;
                Operation::Delete
            }
        })
    }
}

impl Subject for Everything<'_> {
    type Rule = Revocation;

    /// Something to end.
    async fn open(&self, party: &Party) -> Vec<Operation> {
        let begun = [Some(self.allow().await), self.redeem(party).await];
        begun.into_iter().flatten().chain([self.allow().await, self.machine(party).await]).collect()
    }

    async fn turn(&self, party: &Party) -> Operation {
        let chosen = match party.random.below(20) {
            0..=4 => self.redeem(party).await,
            5..=8 => self.refresh(party).await,
            9..=12 => self.look(party).await,
            13 => Some(self.machine(party).await),
            14..=16 => self.end(party).await,
            _ => None,
        };
        match chosen {
            Some(operation) => operation,
            None => self.allow().await,
        }
    }

    fn wait(&self, _: &Seeded) -> Option<(i64, Operation)> {
        None
    }

    /// Each access token that was ever handed out.
    async fn close(&self, party: &Party) -> Vec<Operation> {
        let (access, mut looked) = (self.issued.borrow().access.clone(), Vec::new());
        for (at, token) in access.iter().enumerate() {
            looked.push(Operation::Live(at, self.is_live(party, token).await));
        }
        looked
    }
}

#[actix_web::test]
async fn i3_adv_02_histories_of_issuance_and_revocation_over_http_are_explained() {
    let quick = TestApp::init().with("ENABLE_RATE_LIMIT", "false").with("ENABLE_TOKEN_ROTATION", "false");
    let (app, _) = quick.start();
    let watcher = app.web_client().await;
    for (turn, seed) in seeds(super::SCHEDULES).into_iter().enumerate() {
        let random = Seeded::new(seed);
        let everything = Everything::make(&app, &watcher, format!("u{turn}"), &random).await;
        play(&app, &everything, &random, seed).await;
    }
}
