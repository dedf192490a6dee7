//! What the clients of a run hold in their hands, and what was taken away from them.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::rc::Rc;

use authgate_core::secret::Secret;

/// All that was ever answered to a client.
#[derive(Default)]
pub(super) struct Known {
    pub(super) sessions: Vec<Rc<SignedIn>>,
    pub(super) questions: Vec<Rc<Question>>,
    pub(super) codes: Vec<Rc<Code>>,
    pub(super) devices: Vec<Rc<Device>>,
    pub(super) refreshes: Vec<Rc<Refresh>>,
    pub(super) accesses: Vec<Rc<Access>>,
    /// By id, whether `record` was acknowledged.
    pub(super) events: BTreeMap<String, bool>,
    pub(super) counted: u64,
    /// Allowed attempts, by age of the limiter and number of the window.
    pub(super) allowed: BTreeMap<(u32, i64), u32>,
    revocations: BTreeMap<u64, Revocation>,
}

/// What something rests on, as far as its holder knows.
#[derive(Clone, Debug, Default)]
pub(super) struct Roots {
    pub(super) client: Option<usize>,
    pub(super) user: Option<String>,
    pub(super) consent: Option<String>,
    /// The browser session, if it ends with one.
    pub(super) session: Option<String>,
    pub(super) family: Option<String>,
    /// The code or device code it came from, by the moment at which that was made.
    pub(super) code: Option<u64>,
    pub(super) jti: Option<String>,
    /// When its person had signed in, as a moment of the run.
    pub(super) signed_in: Option<u64>,
    /// When it was asked for and when it was acknowledged; what came from it has its.
    pub(super) asked: u64,
    pub(super) since: Option<u64>,
}

pub(super) struct SignedIn {
    pub(super) cookie: String,
    pub(super) roots: Roots,
}

/// A consent page.
pub(super) struct Question {
    pub(super) id: String,
    pub(super) browser: String,
    pub(super) by: Rc<SignedIn>,
    pub(super) client: usize,
    pub(super) is_decided: Cell<bool>,
}

pub(super) struct Code {
    pub(super) text: Secret,
    pub(super) roots: Roots,
    pub(super) is_used: Cell<bool>,
}

pub(super) struct Device {
    pub(super) text: Secret,
    pub(super) user_code: String,
    pub(super) roots: RefCell<Roots>,
    pub(super) is_used: Cell<bool>,
    pub(super) is_decided: Cell<bool>,
    /// One device polls once at a time.
    pub(super) is_polling: Cell<bool>,
    pub(super) pace: RefCell<Pace>,
}

/// What a device knows about the server's patience, in seconds.
pub(super) struct Pace {
    /// The age of the poll clock that has it in memory, with the least and the most that its interval can be and the
    /// milliseconds of the last poll.
    pub(super) remembered: Option<(u32, (i64, i64), i64)>,
    /// The longest interval that the device was ever told.
    pub(super) told: i64,
    /// The interval that is stored at least, and at most.
    pub(super) stored: (i64, i64),
}

pub(super) struct Refresh {
    pub(super) token: Secret,
    pub(super) roots: Roots,
    /// What it was exchanged for.
    pub(super) next: RefCell<Option<Rc<Refresh>>>,
}

pub(super) struct Access {
    pub(super) text: Secret,
    pub(super) expires_at: i64,
    pub(super) roots: Roots,
}

/// What a revocation takes away.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Target {
    User(String),
    Client(usize),
    Consent(String),
    Session(String),
    Family(String),
    Code(u64),
    Token(String),
}

struct Revocation {
    target: Target,
    acked: Option<u64>,
}

impl Target {
    /// True if whatever has these roots rests on it.
    pub(super) fn is_of(&self, roots: &Roots) -> bool {
        match self {
            Target::User(id) => roots.user.as_ref() == Some(id),
            Target::Client(client) => roots.client == Some(*client),
            Target::Consent(id) => roots.consent.as_ref() == Some(id),
            Target::Session(id) => roots.session.as_ref() == Some(id),
            Target::Family(id) => roots.family.as_ref() == Some(id),
            Target::Code(code) => roots.code == Some(*code),
            Target::Token(jti) => roots.jti.as_ref() == Some(jti),
        }
    }

    /// People and clients go on after a revocation, which ends what rested on them before; the others are over with it.
    fn goes_on(&self) -> bool {
        matches!(self, Target::User(_) | Target::Client(_))
    }

    fn ends(&self, roots: &Roots, asked: u64) -> bool {
        let rested = match self {
            Target::User(_) => roots.signed_in.is_some_and(|signed_in| signed_in < asked),
            Target::Client(_) => roots.since.is_some_and(|since| since < asked),
            _ => true,
        };
        rested && self.is_of(roots)
    }
}

impl Known {
    /// From this moment on it may happen.
    pub(super) fn revoking(&mut self, target: Target, moment: u64) -> u64 {
        self.revocations.insert(moment, Revocation { target, acked: None });
        moment
    }

    /// It has happened.
    pub(super) fn revoked(&mut self, revocation: u64, moment: u64) {
        self.revocations.get_mut(&revocation).unwrap().acked = Some(moment);
    }

    /// It has not happened, and will not.
    pub(super) fn not_revoked(&mut self, revocation: u64) {
        self.revocations.remove(&revocation);
    }

    /// True if an acknowledged revocation has ended whatever has these roots.
    pub(super) fn is_dead(&self, roots: &Roots) -> bool {
        let mut revocations = self.revocations.iter();
        revocations
            .any(|(asked, revocation)| revocation.acked.is_some() && revocation.target.ends(roots, *asked))
    }

    /// True if a revocation that was asked for may have ended it.
    pub(super) fn may_be_dead(&self, roots: &Roots) -> bool {
        self.revocations.values().any(|revocation| {
            let after = revocation.acked.is_some_and(|acked| acked < roots.asked);
            !(revocation.target.goes_on() && after) && revocation.target.is_of(roots)
        })
    }
}
