//! What this machine allows, measured in the same run: no figure means anything without it.

use std::fs::File;
use std::hint::black_box;
use std::io::Write as _;
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use actix_web::{App, HttpResponse, HttpServer, web};
use argon2::{Algorithm, Argon2, Params, Version};
use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED, ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _,
    RSA_PKCS1_2048_8192_SHA256, RSA_PKCS1_SHA256, RsaKeyPair, UnparsedPublicKey,
};

use crate::connection::Failure;
use crate::server::Server;

/// Long enough to be told from the clock's own grain, short enough that nobody waits.
const TIME: Duration = Duration::from_millis(300);

/// The mean time of one call.
fn time(mut call: impl FnMut()) -> Duration {
    let begun = Instant::now();
    let mut calls = 0;
    while begun.elapsed() < TIME {
        call();
        calls += 1;
    }
    begun.elapsed() / calls
}

/// Prints the table.
pub fn print(folder: &Path) -> Result<(), Failure> {
    let row = |name: &str, took: Duration| println!("{name:<40} {:>9.1} us", took.as_secs_f64() * 1e6);
    let random = SystemRandom::new();
    let message = [0x5a; 600];
    row("SHA-256 of a 600-byte token", time(|| _ = black_box(digest(&SHA256, black_box(&message)))));
    let key = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING)?;
    row("ECDSA P-256, sign", time(|| _ = black_box(key.sign(&random, &message))));
    let signature = key.sign(&random, &message)?;
    let public = UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, key.public_key().as_ref());
    row("ECDSA P-256, verify", time(|| _ = black_box(public.verify(&message, signature.as_ref()))));
    let key = RsaKeyPair::generate(KeySize::Rsa2048)?;
    let mut signature = vec![0; key.public_modulus_len()];
    row(
        "RSA 2048, sign",
        time(|| _ = black_box(key.sign(&RSA_PKCS1_SHA256, &random, &message, &mut signature))),
    );
    let public = UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, key.public_key().as_ref());
    row("RSA 2048, verify", time(|| _ = black_box(public.verify(&message, &signature))));
    let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, Params::new(19 * 1024, 2, 1, None)?);
    row(
        "Argon2id, 19 MiB, t=2",
        time(|| _ = black_box(argon2.hash_password_into(b"password", b"a salt of it", &mut [0; 32]))),
    );
    let path = folder.join("flush");
    let mut file = File::create(&path)?;
    let mut failed = Ok(());
    let flush = time(|| failed = file.write_all(&message).and_then(|()| file.sync_data()));
    failed?;
    row("600 bytes appended and flushed", flush);
    Ok(())
}

/// An answer of the usual length from the library alone; it serves until it is killed.
pub async fn serve_bare() -> Result<(), Failure> {
    let body = web::Bytes::from(vec![b'x'; 700]);
    let answer = move || {
        let body = body.clone();
        async move { HttpResponse::Ok().content_type("application/json").body(body) }
    };
    let server =
        HttpServer::new(move || App::new().route("/.well-known/jwks.json", web::get().to(answer.clone())));
    let server = server.workers(2).bind("127.0.0.1:0")?;
    println!("(listening on {}).", server.addrs()[0]);
    Ok(server.run().await?)
}

/// Starts [`serve_bare`] as a process of its own.
pub fn bare() -> Result<Server, Failure> {
    let mut command = Command::new(std::env::current_exe()?);
    command.arg("--bare").stdout(Stdio::piped());
    Server::spawn(&mut command)
}

/// Where a started server says it is.
pub fn address(line: &str) -> Option<SocketAddr> {
    line.split_once("(listening on ")?.1.trim_end().trim_end_matches(").").parse().ok()
}
