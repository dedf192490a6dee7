//! The one integration binary: real parts, each test on data of its own.

mod commands;
