//! What no well-behaved client sends.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

/// Only a server that hangs takes longer.
const PATIENCE: Duration = Duration::from_secs(20);

pub(super) async fn exchange(addr: SocketAddr, bytes: Vec<u8>) -> Vec<u8> {
    let talk = move || {
        let mut stream = TcpStream::connect(addr).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        // The server may answer and close before it has read everything.
        let _ = stream.write_all(&bytes);
        let mut answer = Vec::new();
        let mut part = [0; 4096];
        while let Ok(read @ 1..) = stream.read(&mut part) {
            answer.extend_from_slice(&part[..read]);
        }
        answer
    };
    actix_web::rt::task::spawn_blocking(talk).await.unwrap()
}
