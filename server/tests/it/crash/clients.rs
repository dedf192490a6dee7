//! Clients and people who go on until the server dies, and note what they were told.

use std::rc::Rc;

use actix_web::rt::spawn;
use actix_web::rt::task::JoinHandle;

use super::ledger::{Fate, Ledger};
use crate::util::{Client, DEVICE_GRANT, Registered, Reply, Request};

/// Why somebody does not get on.
pub enum Stop {
    /// The server is dead.
    Dead,
    /// It asked to come back later.
    Busy,
}

type Step<T> = Result<T, Stop>;

/// Somebody in front of the server.
pub struct Party {
    pub http: Client,
    pub app: Rc<Registered>,
    pub ledger: Rc<Ledger>,
    /// Tells it apart from others, also in other rounds.
    pub name: String,
}

/// What somebody does over and over.
#[derive(Clone, Copy)]
pub enum Habit {
    /// Client credentials, introspection and revocation.
    Machine,
    /// Code with PKCE, refreshes, revocation of the grant.
    App,
    /// The device flow, with the browser that approves.
    Device,
    /// Grants whose consent is withdrawn.
    Withdrawer,
    /// Wrong passwords.
    Guesser,
    /// Introspection of what others got.
    Watcher,
}

impl Party {
    /// Goes on until the server is dead.
    pub fn go_on(self, habit: Habit) -> JoinHandle<()> {
        spawn(async move {
            for n in 0.. {
                let step = match habit {
                    Habit::Machine => self.machine(n).await,
                    Habit::App => self.app(n).await,
                    Habit::Device => self.device().await,
                    Habit::Withdrawer => self.withdraw(n).await,
                    Habit::Guesser => self.guess(n).await,
                    Habit::Watcher => self.watch(n).await,
                };
                if let Err(Stop::Dead) = step {
                    return;
                }
            }
        })
    }

    /// An answer with one of these statuses; anything but that and "busy" fails the test, as does none from a server
    /// that lives.
    async fn ask(&self, request: Request, expected: &[u16]) -> Step<Reply> {
        let Some(reply) = request.send_to_the_dying().await else {
            assert!(self.ledger.is_over(), "{}: no answer, and nobody has killed it", self.name);
            return Err(Stop::Dead);
        };
        self.ledger.hear(reply.status == 503);
        if reply.status == 503 {
            assert_eq!(reply.header("retry-after"), Some("1"), "{}", reply.text());
            return Err(Stop::Busy);
        }
        assert!(expected.contains(&reply.status), "{}: {} {}", self.name, reply.status, reply.text());
        Ok(reply)
    }

    async fn token(&self, form: &[(&str, &str)]) -> Step<Reply> {
        self.ask(self.app.asking(&self.http, "/oauth/token", form), &[200]).await
    }

    async fn revoke(&self, token: &str) -> Step<()> {
        self.ask(self.app.asking(&self.http, "/oauth/revoke", &[("token", token)]), &[200]).await.map(drop)
    }

    async fn machine(&self, n: usize) -> Step<()> {
        let reply = self.token(&[("grant_type", "client_credentials"), ("scope", "read")]).await?;
        let token = self.ledger.issued(&reply.json());
        if n.is_multiple_of(3) {
            self.ledger.token_is(&token, Fate::Ending);
            self.revoke(&token).await?;
            self.ledger.token_is(&token, Fate::Ended);
        }
        Ok(())
    }

    /// A page or a redirect.
    async fn open(&self, path: &str) -> Step<Reply> {
        self.ask(self.http.get(path).header("accept", "text/html"), &[200, 302, 303]).await
    }

    async fn code(&self) -> Step<String> {
        let mut reply = self.open(&self.app.asks(&[("scope", "openid read offline_access")])).await?;
        loop {
            match reply.header("location") {
                Some(path) if path.starts_with('/') => reply = self.open(path).await?,
                Some(_) => return Ok(reply.sent("code")),
                None => {
                    let form = reply.form_to("/oauth/authorize").press("approve");
                    reply = self.ask(self.http.submission(&form), &[302, 303]).await?;
                }
            }
        }
    }

    async fn grant(&self) -> Step<usize> {
        let code = self.code().await?;
        let reply = self.ask(self.app.redemption(&self.http, &code), &[200]).await?;
        Ok(self.ledger.granted(&reply.json()))
    }

    async fn app(&self, n: usize) -> Step<()> {
        let grant = self.grant().await?;
        for _ in 0..n % 5 {
            let refresh_token = self.ledger.refresh_token(grant);
            let reply = self.ask(self.app.refreshing(&self.http, &refresh_token), &[200]).await?;
            self.ledger.refreshed(grant, &reply.json());
        }
        if n.is_multiple_of(3) {
            self.ledger.grants_are(&[grant], Fate::Ending);
            self.revoke(&self.ledger.refresh_token(grant)).await?;
            self.ledger.grants_are(&[grant], Fate::Ended);
        }
        Ok(())
    }

    async fn device(&self) -> Step<()> {
        let asking =
            self.app.asking(&self.http, "/oauth/device/code", &[("scope", "openid read offline_access")]);
        let device = self.ask(asking, &[200]).await?.json();
        let text = |name: &str| device[name].as_str().unwrap().to_owned();
        let page = self.open(&format!("/device?user_code={}", text("user_code"))).await?;
        let form = page.form_to("/device/verify").press("approve");
        self.ask(self.http.submission(&form), &[200]).await?;
        let reply =
            self.token(&[("grant_type", DEVICE_GRANT), ("device_code", &text("device_code"))]).await?;
        self.ledger.granted(&reply.json());
        Ok(())
    }

    async fn withdraw(&self, n: usize) -> Step<()> {
        let mut grants = vec![self.grant().await?];
        if n.is_multiple_of(2) {
            grants.push(self.grant().await?);
        }
        let page = self.open("/account/authorizations").await?;
        let mut forms = page.forms().into_iter();
        let form =
            forms.find(|form| form.action.starts_with("/account/authorizations/")).expect("it is listed");
        self.ledger.grants_are(&grants, Fate::Ending);
        self.ask(self.http.submission(&form), &[302, 303]).await?;
        self.ledger.grants_are(&grants, Fate::Ended);
        Ok(())
    }

    async fn guess(&self, n: usize) -> Step<()> {
        let agent = format!("{} {n}", self.name);
        let page = self.open("/login?prompt=login").await?;
        let form = page.form_to("/login").with("username", "admin").with("password", "wrong");
        self.ask(self.http.submission(&form).header("user-agent", &agent), &[401]).await?;
        self.ledger.guessed(agent);
        Ok(())
    }

    async fn watch(&self, n: usize) -> Step<()> {
        // A large step, so that it sees old ones and new ones.
        let Some((token, before)) = self.ledger.any_token(n * 7919) else {
            return self.open("/login").await.map(drop);
        };
        let asking = self.app.asking(&self.http, "/oauth/introspect", &[("token", &token)]);
        let active = self.ask(asking, &[200]).await?.json()["active"] == true;
        match (before, self.ledger.fate_of(&token)) {
            (Fate::Live, Fate::Live) => assert!(active, "it was received"),
            (Fate::Ended, _) => assert!(!active, "it was ended"),
            _ => {}
        }
        Ok(())
    }
}
