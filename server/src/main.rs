//! authgate
fn main() {}
