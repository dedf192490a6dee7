#![doc = include_str!("../README.md")]

mod asker;
pub mod audit;
pub mod devices;
#[cfg(debug_assertions)]
mod failpoint;
pub mod issuer;
pub mod limiter;
pub mod mailbox;
pub mod measures;
#[cfg(test)]
mod simulation;
pub mod supervisor;
