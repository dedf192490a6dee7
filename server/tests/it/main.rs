//! The integration tests: a real server on a port of its own and a real database in a folder of its own, each time.

mod account;
mod authorize;
mod cleaning;
mod commands;
mod consent;
mod cors;
mod crash;
mod csrf;
mod device_page;
mod headers;
mod health;
mod limits;
mod log;
mod login;
mod logout;
mod methods;
mod oauth;
mod pages;
mod paths;
mod process;
mod races;
mod sessions;
mod shutdown;
mod tls;
mod util;
mod well_known;
