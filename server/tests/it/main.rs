//! The integration tests: a real server on a port of its own and a real database in a folder of its own, each time.

mod commands;
mod cors;
mod headers;
mod health;
mod limits;
mod log;
mod methods;
mod paths;
mod process;
mod shutdown;
mod tls;
mod util;
mod well_known;
