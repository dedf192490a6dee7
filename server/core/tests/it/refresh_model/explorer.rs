//! A breadth-first search through everything that can happen, to its end. (stateright does this for distributed systems
//! and brings a web server for it; forty lines are enough here.)

use std::collections::HashSet;
use std::fmt::Debug;
use std::hash::Hash;

/// What can be explored.
pub trait Explored: Clone + Debug {
    /// What can happen.
    type Act: Copy + Debug;
    /// All that later behaviour depends on; there are finitely many.
    type Key: Eq + Hash;

    fn acts(&self) -> Vec<Self::Act>;
    fn after(&self, act: Self::Act) -> Self;
    fn key(&self) -> Self::Key;
    /// What is wrong with going from `before` to this state.
    fn wrong(&self, before: &Self, act: Self::Act) -> Option<&'static str>;
}

/// Every reachable state once, on a shortest way to it.
pub struct Explorer<S: Explored> {
    pub found: Vec<Found<S>>,
    pub transitions: usize,
}

/// A state, and the state and the act that it was first reached by; the first of all has none.
pub struct Found<S: Explored> {
    pub state: S,
    pub from: Option<(usize, S::Act)>,
    /// The acts that lead to states first reached from here.
    pub first: Vec<(usize, S::Act)>,
}

impl<S: Explored> Explorer<S> {
    /// Looks at everything that can follow `start`; the error is the shortest way to something wrong.
    pub fn explore(start: S) -> Result<Self, (&'static str, Vec<S::Act>)> {
        let mut known = HashSet::from([start.key()]);
        let mut all =
            Self { found: vec![Found { state: start, from: None, first: Vec::new() }], transitions: 0 };
        let mut at = 0;
        while at < all.found.len() {
            for act in all.found[at].state.acts() {
                let next = all.found[at].state.after(act);
                all.transitions += 1;
                if let Some(wrong) = next.wrong(&all.found[at].state, act) {
                    return Err((wrong, all.way_to(at).into_iter().chain([act]).collect()));
                }
                if known.insert(next.key()) {
                    let new = all.found.len();
                    all.found[at].first.push((new, act));
                    all.found.push(Found { state: next, from: Some((at, act)), first: Vec::new() });
                }
            }
            at += 1;
        }
        Ok(all)
    }

    fn way_to(&self, mut at: usize) -> Vec<S::Act> {
        let mut way = Vec::new();
        while let Some((from, act)) = self.found[at].from {
            way.push(act);
            at = from;
        }
        way.reverse();
        way
    }
}
