//! What devices do, and the people in front of them.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use authgate_core::client::{self, ClientStatus, Proof};
use authgate_core::consent::{self, ConsentOrigin, Pairs};
use authgate_core::context::Clock as _;
use authgate_core::device::{self, DeviceCode, DeviceStatus};
use authgate_core::error::{Code as Why, Error};
use authgate_core::grants;
use authgate_core::resource::Resources;
use authgate_core::scope::Scope;

use super::known::{Device, Pace, Roots, Target};
use super::life::{Life, No};
use crate::devices::Pace as Verdict;

const GRANT: &str = "urn:ietf:params:oauth:grant-type:device_code";
/// What RFC 8628 3.5 adds each time, and what is not counted as too soon, in seconds.
const GROWTH: i64 = 5;
const TOLERANCE: i64 = 1;

impl Life {
    pub(super) async fn begin_device(&self) -> Option<Rc<Device>> {
        let asked = self.run.moment();
        let number = usize::try_from(self.run.random.below(3)).unwrap();
        let id = self.app(number).client.id.clone();
        let answer = self.write("device", move |tx, env| {
            let client = client::by_id(tx, &id)?.filter(|client| client.status == ClientStatus::Active);
            let client = client.ok_or_else(|| Error::refused(Why::InvalidClient, "no"))?;
            let scope = Scope::parse("read offline_access")?;
            device::request(tx, env, &client, (Some(&scope), Resources::default()))
        });
        let requested = answer.await.ok()?;
        let code = Some(self.run.moment());
        let roots = Roots { client: Some(number), code, asked, since: code, ..Roots::default() };
        let device = Rc::new(Device {
            text: requested.device_code,
            user_code: requested.user_code.expose().to_owned(),
            roots: RefCell::new(roots),
            is_used: Cell::new(false),
            is_decided: Cell::new(false),
            is_polling: Cell::new(false),
            pace: RefCell::new(Pace {
                remembered: None,
                told: device::INTERVAL,
                stored: (device::INTERVAL, device::INTERVAL),
            }),
        });
        self.run.known.borrow_mut().devices.push(Rc::clone(&device));
        Some(device)
    }

    /// Somebody types the code and presses a button.
    pub(super) async fn decide_device(self: Rc<Self>, device: Rc<Device>) {
        let asked = self.run.moment();
        let Some(by) = self.somebody() else { return };
        let Some((session, user)) = self.session_of(&by) else { return };
        let found = self.read(|tx, env| device::by_user_code(tx, env, &device.user_code));
        let Ok(Some(row)) = found else { return };
        if row.status != DeviceStatus::Pending {
            return;
        }
        let is_yes = !self.run.chance(5);
        let answer = self.write(if is_yes { "approve" } else { "disapprove" }, move |tx, env| {
            let decided = || Error::refused(Why::AccessDenied, "decided already");
            if !is_yes {
                let denied = device::deny(tx, env, &row, &user)?;
                return denied.then_some(None).ok_or_else(decided);
            }
            let client = client::by_id(tx, &row.client_id)?;
            let client = client.filter(|client| client.status == ClientStatus::Active).ok_or_else(decided)?;
            let pairs = Pairs::of(&row.scope, &row.resources.0);
            let consent = consent::grant(tx, env, &user, &client, (ConsentOrigin::Device, &pairs, &[]))?;
            let approved = device::approve(tx, env, &row, (&user, &session, &consent))?;
            approved.then_some(Some(consent.id)).ok_or_else(decided)
        });
        let Ok(consent) = answer.await else { return };
        let again = device.is_decided.replace(true);
        self.run.require(!again, || format!("the device {} was decided twice", device.user_code));
        if consent.is_some() {
            let mut roots = device.roots.borrow_mut();
            let (client, code) = (roots.client, roots.code);
            let (user, signed_in) = (by.roots.user.clone(), by.roots.signed_in);
            // The client's part is as old as the device's request.
            *roots = Roots {
                client,
                code,
                user,
                consent,
                signed_in,
                asked,
                since: roots.since,
                ..Roots::default()
            };
        }
    }

    /// A device polls, as the token endpoint answers it.
    pub(super) async fn poll(self: Rc<Self>, device: Rc<Device>) {
        let (roots, made) = (device.roots.borrow().clone(), device.roots.borrow().code.unwrap());
        let pairs = [("grant_type", GRANT), ("device_code", device.text.expose())];
        let credentials = self.app(roots.client.unwrap()).credentials();
        let row = self.read(|tx, env| {
            let now = env.now();
            let client = client::authenticate(tx, &credentials, Proof::UnlessSecretless, env.policy, now)?;
            grants::device::poll(tx, &client, &device.text)
        });
        let Ok(row) = row else { return };
        let now = self.ctx().now();
        if row.status == DeviceStatus::Pending && row.expires_at > now {
            if !device.is_polling.replace(true) {
                self.pace(&device, &row).await;
                device.is_polling.set(false);
            }
            return;
        }
        if grants::device::decided(&row, now).is_err() {
            return;
        }
        let issued = self.exchange_or_end("poll", (&roots, Target::Code(made)), &pairs).await;
        if let Some(issued) = issued {
            let again = device.is_used.replace(true);
            self.run.require(!again, || format!("the device code {made} was redeemed twice"));
            // The answer to whoever approved may have been lost: then less is known about what these tokens rest on.
            let roots = device.roots.borrow().clone();
            self.receive(issued, &roots);
        }
    }

    /// A poll while nobody has decided: what it hears follows from when it came and what it heard before.
    async fn pace(&self, device: &Device, row: &DeviceCode) {
        let (age, now_ms) = (self.ages.devices.get(), self.clock.now_ms());
        let (low, high) = device.pace.borrow().stored;
        self.run.require((low..=high).contains(&row.interval), || {
            format!("device {}: the stored interval is {}, not {low} to {high}", row.id, row.interval)
        });
        let verdict = self.devices.poll(row.id.clone(), row.interval, row.expires_at, now_ms);
        let Some(Ok(verdict)) = self.answered("a poll", verdict).await else {
            device.pace.borrow_mut().remembered = None;
            return;
        };
        self.note(&format!("device {} at {now_ms}: {verdict:?}", row.id));
        self.run.count(if verdict == Verdict::Ready { "poll pending" } else { "poll too soon" });
        let remembered = device.pace.borrow().remembered.filter(|(of, ..)| *of == age);
        let (least, most, polled_ms) = match remembered {
            Some((_, (least, most), polled_ms)) => {
                (least.max(row.interval), most.max(row.interval), Some(polled_ms))
            }
            // It has forgotten all but the row, or not even that.
            None => (row.interval, device.pace.borrow().told.max(row.interval), None),
        };
        let waited_ms = polled_ms.map(|polled_ms| now_ms - polled_ms + TOLERANCE * 1000);
        let expected = match verdict {
            Verdict::Ready => waited_ms.is_none_or(|waited_ms| waited_ms >= least * 1000),
            Verdict::TooSoon { interval } => {
                let is_grown = (least + GROWTH..=most + GROWTH).contains(&interval);
                is_grown && waited_ms.is_none_or(|waited_ms| waited_ms < most * 1000)
            }
        };
        self.run.require(expected, || {
            let id = &row.id;
            format!(
                "device {id} polled at {polled_ms:?} and {now_ms}, interval {least} to {most}: {verdict:?}"
            )
        });
        let Verdict::TooSoon { interval } = verdict else {
            device.pace.borrow_mut().remembered = Some((age, (least, most), now_ms));
            return;
        };
        device.pace.borrow_mut().remembered = Some((age, (interval, interval), now_ms));
        let told = device.pace.borrow().told.max(interval);
        device.pace.borrow_mut().told = told;
        if interval < 2 * row.interval {
            return;
        }
        // It may be stored from now on, and is once this is acknowledged.
        device.pace.borrow_mut().stored.1 = high.max(interval);
        let id = row.id.clone();
        let stored = self.write("slow down", move |tx, _| device::slow_down(tx, &id, interval)).await;
        let mut pace = device.pace.borrow_mut();
        match stored {
            Ok(()) => pace.stored.0 = low.max(interval),
            Err(No::Refused(_)) => pace.stored.1 = high,
            Err(_) => {}
        }
    }
}
