//! The owners of shared state: supervised actors that decide when, in what order and how many at once the rules of
//! `authgate-core` run.
//!
//! Each actor has a thread of its own and a bounded mailbox, and survives a panic. A handle is the only way to reach
//! one; it is cheap to clone. All of them are started inside an actix `System`.

pub mod devices;
#[cfg(debug_assertions)]
mod failpoint;
pub mod issuer;
pub mod limiter;
pub mod mailbox;
pub mod supervisor;
