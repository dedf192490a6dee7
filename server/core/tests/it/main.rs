//! The grants and what they rest on, against a real database. Names follow the statement, advisory (`adv_`), deviation
//! (`d`) or RFC that each test stands for.

mod client_credentials;
mod code;
mod device;
mod flow;
mod race;
mod refresh;
mod refresh_invariants;
mod refresh_model;
mod seeded;
mod world;
