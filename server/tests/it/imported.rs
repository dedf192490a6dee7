//! Users and clients that came with bcrypt hashes of another server: the first use works and replaces the hash.

mod clients;
mod users;

/// The longest secret that bcrypt tells from others, of the crypt_blowfish test vectors.
const SECRET: &str = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";
/// Its hash, of a cost that tests can afford.
const HASH: &str = "$2a$05$abcdefghijklmnopqrstuu5s2v8.iXieOjg/.AySBTTZIIVFJeBui";
/// As many at once as one address may fail in a minute, less the last few.
const RACERS: usize = 16;
