//! The grants and what they rest on, against a real database. Names follow the statement, advisory (`adv_`), deviation
//! (`d`) or RFC that each test stands for.

mod audit;
mod audit_chain;
mod authorize;
mod cleaning;
mod client_credentials;
mod code;
mod consent;
mod device;
mod flow;
mod interaction;
mod introspection;
mod race;
mod refresh;
mod refresh_invariants;
mod refresh_model;
mod registration;
mod revocation;
mod security;
mod seeded;
mod session;
mod token;
mod world;
