//! What people do at the pages: sign in, look at a consent page, decide (and click twice), sign out.

use std::cell::Cell;
use std::rc::Rc;

use authgate_core::audit::Event;
use authgate_core::authorize::{self, Rejected};
use authgate_core::consent::{self, ConsentOrigin};
use authgate_core::error::{Code as Why, Error};
use authgate_core::interaction::{self, Interaction};
use authgate_core::secret::base64url;
use authgate_core::session::{self, Browser, Lives, Session};
use authgate_core::user::{self, User, UserStatus};

use super::known::{Code, Question, Roots, SignedIn, Target};
use super::life::Life;

/// The contract's defaults.
const LIVES: Lives = Lives { idle: 1800, max_age: 3600, remembered: 2_592_000 };
/// RFC 7636 appendix B.
pub(super) const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";
pub(super) const REDIRECT_URI: &str = "https://app.example/cb";

fn denied() -> Error {
    Error::refused(Why::AccessDenied, "no")
}

impl Life {
    pub(super) async fn sign_in(&self) {
        let asked = self.run.moment();
        let user_id = self.run.pick(&self.template.users).unwrap().id;
        let of = user_id.clone();
        let answer = self.write("sign in", move |tx, env| {
            let user = user::by_id(tx, &of)?.filter(|user| user.status == UserStatus::Active);
            let user = user.ok_or_else(denied)?;
            session::create(tx, env, &user, (Browser::default(), false, LIVES))
        });
        let Ok((session, cookie)) = answer.await else { return };
        self.record(Event::info("LOGIN", "User signed in").by(&user_id)).await;
        let since = Some(self.run.moment());
        let (user, session) = (Some(user_id), Some(session.id));
        let roots = Roots { user, session, asked, since, signed_in: since, ..Roots::default() };
        self.run
            .known
            .borrow_mut()
            .sessions
            .push(Rc::new(SignedIn { cookie: cookie.expose().to_owned(), roots }));
    }

    pub(super) fn somebody(&self) -> Option<Rc<SignedIn>> {
        self.run.pick_new(&self.run.known.borrow().sessions)
    }

    /// The live session of a browser.
    pub(super) fn session_of(&self, by: &SignedIn) -> Option<(Session, User)> {
        let is_dead = self.run.known.borrow().is_dead(&by.roots);
        let live = self.read(|tx, env| session::live(tx, env.master, &by.cookie, env.now())).ok()?;
        self.run.require(!(is_dead && live.is_some()), || format!("a dead session lives: {:?}", by.roots));
        live
    }

    /// An application sends somebody to the authorization endpoint, who sees the consent page.
    pub(super) async fn ask_for_consent(&self) -> Option<Rc<Question>> {
        let by = self.somebody()?;
        let client = usize::try_from(self.run.random.below(3)).unwrap();
        let scope = self.run.pick(&["read", "read offline_access", "openid read offline_access"]).unwrap();
        let params = self.app(client).form(&[
            ("response_type", "code"),
            ("redirect_uri", REDIRECT_URI),
            ("scope", scope),
            ("prompt", "consent"),
            ("code_challenge", CHALLENGE),
            ("code_challenge_method", "S256"),
        ]);
        let validated = self.read(|tx, env| match authorize::validate(tx, env, &params) {
            Ok((_, request)) => Ok(request),
            Err(Rejected::Page(_) | Rejected::Redirect(..)) => Err(denied()),
            Err(Rejected::Failed(error)) => Err(error),
        });
        let request = validated.ok()?;
        let browser = base64url(&self.ctx().bytes::<32>());
        let holder = browser.clone();
        let stored = self.write("arrive", move |tx, env| interaction::store(tx, env, request, &holder, None));
        let interaction = stored.await.ok()?;
        let (session, user) = self.session_of(&by)?;
        let mut asked = interaction.request.0.clone();
        let digest = self.read(|tx, env| {
            let client = authorize::revalidate(tx, &mut asked)?;
            let question = authorize::Question::of(tx, env.policy, client, &user, &mut asked)?;
            Ok(question.digest(&asked))
        });
        let digest = digest.ok()?;
        let id = interaction.id.clone();
        let shown = self.write("show", move |tx, _| interaction::show(tx, &id, &session, &digest));
        shown.await.ok()?;
        let is_decided = Cell::new(false);
        let question = Rc::new(Question { id: interaction.id, browser, by, client, is_decided });
        self.run.known.borrow_mut().questions.push(Rc::clone(&question));
        Some(question)
    }

    /// Somebody presses a button of the consent page.
    pub(super) async fn decide(self: Rc<Self>, question: Rc<Question>) -> Option<Rc<Code>> {
        let asked = self.run.moment();
        let (session, user) = self.session_of(&question.by)?;
        let open = self.read(|tx, env| interaction::open(tx, &question.id, &question.browser, env.now()));
        let interaction = open.ok()?.filter(|interaction| interaction.accepts(&session))?;
        if self.run.chance(5) {
            self.deny(&question, interaction, session, user).await;
            return None;
        }
        let (mut interaction, by) = (interaction, session.clone());
        let scope = interaction.request.0.scope.clone();
        let answer = self.write("allow", move |tx, env| {
            let client = authorize::revalidate(tx, &mut interaction.request.0)?;
            let question =
                authorize::Question::of(tx, env.policy, client, &user, &mut interaction.request.0)?;
            let asked = &interaction.request.0;
            let is_shown = interaction.shown.as_deref() == Some(&question.digest(asked));
            if !is_shown || !interaction::take(tx, &interaction, &by, env.now())? {
                return Err(denied());
            }
            let asked_for = (ConsentOrigin::Code, &question.pairs, question.claims.as_slice());
            let consent = consent::grant(tx, env, &user, &question.client, asked_for)?;
            let code = authorize::issue_code(tx, env, asked, (&question.client, &user, &by, &consent))?;
            Ok((consent.id, code))
        });
        let (consent, code) = answer.await.ok()?;
        self.decided(&question);
        let roots = Roots {
            client: Some(question.client),
            consent: Some(consent),
            session: (!scope.contains("offline_access")).then_some(session.id),
            code: Some(self.run.moment()),
            asked,
            since: Some(self.run.moment()),
            ..question.by.roots.clone()
        };
        let code = Rc::new(Code { text: code, roots, is_used: Cell::new(false) });
        self.run.known.borrow_mut().codes.push(Rc::clone(&code));
        Some(code)
    }

    fn decided(&self, question: &Question) {
        let again = question.is_decided.replace(true);
        self.run.require(!again, || format!("the interaction {} was decided twice", question.id));
    }

    async fn deny(&self, question: &Question, interaction: Interaction, session: Session, user: User) {
        let answer = self.write("deny", move |tx, env| {
            if !interaction::take(tx, &interaction, &session, env.now())? {
                return Err(denied());
            }
            authorize::deny(tx, env, &interaction.request.0, &user)
        });
        if answer.await.is_ok() {
            self.decided(question);
        }
    }

    pub(super) async fn sign_out(&self) {
        let Some(by) = self.somebody() else { return };
        let id = by.roots.session.clone().unwrap();
        let user = self.template.users.iter().find(|user| Some(&user.id) == by.roots.user.as_ref());
        let user = user.unwrap().clone();
        let target = Target::Session(id.clone());
        self.revoke("sign out", target, move |tx, env| session::end(tx, env, &user, &id).map(drop)).await;
    }
}
