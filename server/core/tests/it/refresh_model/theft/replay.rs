//! Each step of the model, done in earnest and compared: the model cannot drift from the code.

use super::{Act, Theft, WINDOW, explored};
use crate::refresh_model::explorer::{Explored as _, Explorer};
use crate::refresh_model::{Model, Schedule, begin};
use crate::world::{IDLE, World};

/// The real grant, taken along the ways of the model.
struct Replay<'a> {
    schedule: Schedule<'a>,
    all: &'a Explorer<Theft>,
    steps: usize,
}

impl Replay<'_> {
    /// Does in earnest what the model did, and compares.
    fn step(&mut self, before: &Theft, act: Act) {
        let schedule = &mut self.schedule;
        match act {
            Act::Tick => schedule.world.clock.advance(1),
            Act::Sleep => schedule.world.clock.advance(IDLE),
            Act::Steal => {}
            Act::Crash { behind, away } => schedule.crash(behind, away),
            Act::Restart => schedule.model.crash = None,
            Act::Die => schedule.die(before.owner),
            Act::Strangers => schedule.strangers(),
            Act::End => schedule.end(),
            Act::Owner { .. } | Act::Thief { .. } => {
                let (generation, _) = before.presented(act).expect("it was possible");
                schedule.presents(generation);
            }
        }
        let after = before.after(act);
        assert_eq!((&schedule.model, schedule.world.now()), (&after.model, after.now), "{act:?}");
        schedule.check();
        if before.model.alive && !after.model.alive {
            schedule.close();
        }
        self.steps += 1;
    }

    /// Everything that can follow a state, and what is beyond it; then it is as if nothing had happened.
    fn walk(&mut self, at: usize) {
        let found = &self.all.found[at];
        for act in found.state.acts() {
            let (model, now, answers) =
                (self.schedule.model.clone(), self.schedule.world.now(), self.schedule.access.len());
            self.batch("SAVEPOINT step");
            self.step(&found.state, act);
            if let Some((next, _)) = found.first.iter().find(|(_, first)| *first == act) {
                self.walk(*next);
            }
            self.batch("ROLLBACK TO step; RELEASE step");
            self.schedule.model = model;
            self.schedule.access.truncate(answers);
            self.schedule.world.clock.advance(now - self.schedule.world.now());
        }
    }

    fn batch(&self, sql: &str) {
        self.schedule.writer.sqlite().execute_batch(sql).unwrap();
    }
}

#[test]
fn i1_to_i9_the_real_grant_does_what_the_model_does() {
    let mut world = World::new();
    world.policy.retry_window = WINDOW;
    let other = world.native_app();
    let all = explored(Model::present).unwrap_or_else(|(wrong, way)| panic!("{wrong}: {way:?}"));
    let mut replay = Replay { schedule: begin(&world, &other, 8), all: &all, steps: 0 };
    replay.walk(0);
    assert_eq!(replay.steps, all.transitions);
}
