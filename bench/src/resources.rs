//! What the server takes besides processor time: memory, disk, and the time until it answers; and what logins do to others.

use std::fs;
use std::path::Path;
use std::rc::Rc;
use std::time::Duration;

use tokio::task::spawn_local;

use crate::connection::{Connection, Failure};
use crate::load::{self, Load};
use crate::operation::{Operation, Scene};
use crate::server::{Installation, Server};

/// Tokens for which the growth of the database is told.
const TOKENS: usize = 100_000;
/// Passwords that are checked at once in the storm.
const LOGINS: usize = 32;

/// Prints the table.
pub async fn print(program: &Path) -> Result<(), Failure> {
    let row = |name: &str, value: String, aim: &str| println!("{name:<56} {value:>12}  {aim}");
    row("binary", format!("{} MB", fs::metadata(program)?.len() / 1_000_000), "35 MB, stripped");
    let installation = Installation::make(program)?;
    // The first start makes keys.
    installation.serve(&[]).await?.stop()?;
    let mut starts = Vec::new();
    for _ in 0..5 {
        let server = installation.serve(&[]).await?;
        starts.push(server.started_in);
        server.stop()?;
    }
    starts.sort_unstable();
    row(
        "start to the first 200, existing database, median of 5",
        format!("{} ms", starts[2].as_millis()),
        "100 ms",
    );

    let server = installation.serve(&[]).await?;
    row("memory, idle", format!("{} MiB", server.memory()?.0), "40 MB");
    let (quiet, storm) = login_storm(&installation, &server).await?;
    let words = format!("{quiet:.1} / {storm:.1} ms");
    row("p99 of client_credentials at 8, quiet / while 32 log in", words, "at most twice");
    let memory = server.memory()?;
    row("memory, after those logins, now / at most", format!("{} / {} MiB", memory.0, memory.1), "80 MB");
    let before = size(installation.folder())?;
    Scene::set(Operation::Mixed, &installation, &server).await?.make_tokens(&server, TOKENS).await?;
    let load = Load { connections: 64, warm_up: Duration::from_secs(1), time: Duration::from_secs(5) };
    let after_tokens = {
        // What is in the log only is moved to the database by a clean stop.
        let memory = server.memory()?;
        server.stop()?;
        row(
            "memory, after 100,000 tokens, now / at most",
            format!("{} / {} MiB", memory.0, memory.1),
            "80 MB",
        );
        size(installation.folder())?
    };
    let grown = format!("{} MB", (after_tokens - before) / 1_000_000);
    row("database, per 100,000 tokens with their audit events", grown, "50 MB");
    let server = installation.serve(&[]).await?;
    let scene = Scene::set(Operation::Mixed, &installation, &server).await?;
    load::run(Operation::Mixed, load, Rc::new(scene), &server).await?;
    let memory = server.memory()?;
    row("memory, after mixed load at 64, now / at most", format!("{} / {} MiB", memory.0, memory.1), "80 MB");
    server.stop()
}

/// p99 in milliseconds of the token endpoint, without and with logins beside it.
async fn login_storm(installation: &Installation, server: &Server) -> Result<(f64, f64), Failure> {
    let load = Load { connections: 8, warm_up: Duration::from_secs(1), time: Duration::from_secs(4) };
    let ask = async || {
        let scene = Scene::set(Operation::ClientCredentials, installation, server).await?;
        let measured = load::run(Operation::ClientCredentials, load, Rc::new(scene), server).await?;
        Ok::<_, Failure>(measured.percentile(99))
    };
    let quiet = ask().await?;
    let mut logins = Vec::new();
    for _ in 0..LOGINS {
        let mut browser = Connection::open(server.addr).await?;
        logins.push(spawn_local(async move { while Server::log_in(&mut browser).await.is_ok() {} }));
    }
    let storm = ask().await?;
    logins.iter().for_each(tokio::task::JoinHandle::abort);
    Ok((quiet, storm))
}

/// Bytes of the database and its log.
fn size(folder: &Path) -> Result<u64, Failure> {
    let mut bytes = 0;
    for name in ["authgate.db", "authgate.db-wal"] {
        bytes += fs::metadata(folder.join("data").join(name)).map_or(0, |file| file.len());
    }
    if bytes == 0 { Err("there is no data/authgate.db".into()) } else { Ok(bytes) }
}
