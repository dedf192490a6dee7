//! What a client of the simulation does next.

use std::future::Future;
use std::rc::Rc;
use std::time::Duration;

use authgate_core::client::ClientStatus;
use authgate_core::user::UserStatus;
use tokio::task::yield_now;
use tokio::time::sleep;

use super::known::Known;
use super::life::Life;

impl Life {
    /// So many steps, with pauses in which the others act.
    pub(super) async fn go_on(self: Rc<Self>, steps: u64) {
        for _ in 0..steps {
            self.pause().await;
            self.step().await;
        }
    }

    async fn pause(&self) {
        match self.run.random.below(10) {
            0..=2 => yield_now().await,
            3..=5 => sleep(Duration::from_millis(1)).await,
            6 => sleep(Duration::from_millis(40)).await,
            7 => sleep(Duration::from_secs(1)).await,
            8 => sleep(Duration::from_secs(5)).await,
            _ => sleep(Duration::from_secs(12)).await,
        }
    }

    /// One thing that somebody does: a whole flow, or anything with what anybody has.
    async fn step(self: &Rc<Self>) {
        match self.run.random.below(40) {
            0..=9 => drop(self.code_flow().await),
            10..=14 => drop(self.device_flow().await),
            15 => drop(self.twice(self.held(|known| &known.questions), Self::decide).await),
            16..=18 => drop(self.twice(self.held(|known| &known.codes), Self::redeem).await),
            19..=24 => drop(self.twice(self.held(|known| &known.refreshes), Self::refresh).await),
            25..=28 => drop(self.twice(self.held(|known| &known.devices), Self::poll).await),
            29 => self.client_credentials().await,
            30 => self.give_back().await,
            31 => self.withdraw().await,
            32 => self.sign_out().await,
            33..=34 => self.take_away().await,
            _ => self.watch().await,
        }
    }

    /// Something that somebody has, mostly new.
    fn held<T>(&self, of: fn(&Known) -> &[Rc<T>]) -> Option<Rc<T>> {
        self.run.pick_new(of(&self.run.known.borrow()))
    }

    /// An application signs somebody in and refreshes, unless it stops on the way.
    async fn code_flow(self: &Rc<Self>) -> Option<()> {
        if self.run.known.borrow().sessions.is_empty() || self.run.chance(3) {
            self.sign_in().await;
        }
        let question = self.ask_for_consent().await?;
        self.goes_on().await?;
        let code = self.twice(Some(question), Self::decide).await.flatten()?;
        self.goes_on().await?;
        let refresh = self.twice(Some(code), Self::redeem).await.flatten()?;
        self.goes_on().await?;
        self.twice(Some(refresh), Self::refresh).await.flatten().map(drop)
    }

    async fn device_flow(self: &Rc<Self>) -> Option<()> {
        let device = self.begin_device().await?;
        for _ in 0..self.run.random.below(4) {
            Rc::clone(self).poll(Rc::clone(&device)).await;
            self.goes_on().await?;
        }
        self.twice(Some(Rc::clone(&device)), Self::decide_device).await;
        self.goes_on().await?;
        self.twice(Some(device), Self::poll).await
    }

    /// `None` if it stops here.
    async fn goes_on(&self) -> Option<()> {
        self.pause().await;
        (!self.run.chance(10)).then_some(())
    }

    async fn take_away(&self) {
        match self.run.random.below(8) {
            0 => {
                self.set_user_status(UserStatus::Disabled).await;
                self.set_user_status(UserStatus::Active).await;
            }
            1 => self.set_user_status(UserStatus::Disabled).await,
            2 => self.set_user_status(UserStatus::Active).await,
            3 | 4 => self.reset_password().await,
            5 => {
                self.set_client_status(ClientStatus::Inactive).await;
                self.pause().await;
                self.set_client_status(ClientStatus::Active).await;
            }
            6 => self.revoke_client().await,
            _ => self.delete_client().await,
        }
    }

    /// Does it with this, often again at the same time. Returns what came of the first.
    async fn twice<T, R: 'static, F: Future<Output = R> + 'static>(
        self: &Rc<Self>,
        with: Option<Rc<T>>,
        act: fn(Rc<Self>, Rc<T>) -> F,
    ) -> Option<R> {
        let with = with?;
        let again = self.run.chance(3).then(|| actix::spawn(act(Rc::clone(self), Rc::clone(&with))));
        let done = act(Rc::clone(self), with).await;
        if let Some(again) = again {
            let broke = again.await.is_err();
            self.run.require(!broke, || "a client broke".to_owned());
        }
        Some(done)
    }
}
