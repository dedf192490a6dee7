//! One HTTP/1.1 connection that stays: a request costs the generator a write and a read, so that what is measured is the
//! server.

use std::net::SocketAddr;

use base64::prelude::{BASE64_STANDARD, Engine as _};
use serde_json::Value;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// Why an operation did not do what it should.
pub type Failure = Box<dyn std::error::Error>;

/// More than any answer has; a server that sends more is broken.
const MAX_ANSWER: usize = 1 << 20;

/// A kept connection and the answer that came last.
pub struct Connection {
    stream: TcpStream,
    out: Vec<u8>,
    buffer: Vec<u8>,
    body: (usize, usize),
    /// Status of the last answer.
    pub status: u16,
    /// `Location` of the last answer.
    pub location: String,
    /// `Set-Cookie` of the last answer, as pairs.
    pub cookies: Vec<String>,
}

impl Connection {
    /// Connects.
    pub async fn open(addr: SocketAddr) -> Result<Self, Failure> {
        let stream = TcpStream::connect(addr).await?;
        stream.set_nodelay(true)?;
        Ok(Self {
            stream,
            out: Vec::with_capacity(2048),
            buffer: Vec::with_capacity(16 * 1024),
            body: (0, 0),
            status: 0,
            location: String::new(),
            cookies: Vec::new(),
        })
    }

    /// `GET`, with header lines that end in `\r\n`.
    pub async fn get(&mut self, path: &str, headers: &str) -> Result<(), Failure> {
        self.out.clear();
        self.out.extend_from_slice(format!("GET {path} HTTP/1.1\r\nhost: bench\r\n{headers}\r\n").as_bytes());
        self.exchange().await
    }

    /// `POST` of an encoded form.
    pub async fn post(&mut self, path: &str, headers: &str, form: &str) -> Result<(), Failure> {
        self.out.clear();
        let length = form.len();
        let head = format!(
            "POST {path} HTTP/1.1\r\nhost: bench\r\ncontent-type: application/x-www-form-urlencoded\r\n\
             content-length: {length}\r\n{headers}\r\n{form}"
        );
        self.out.extend_from_slice(head.as_bytes());
        self.exchange().await
    }

    async fn exchange(&mut self) -> Result<(), Failure> {
        self.stream.write_all(&self.out).await?;
        self.buffer.clear();
        loop {
            if self.stream.read_buf(&mut self.buffer).await? == 0 {
                return Err("the server closed the connection".into());
            }
            if self.parse()? {
                return Ok(());
            }
            if self.buffer.len() > MAX_ANSWER {
                return Err("the answer has no end".into());
            }
        }
    }

    /// True once the answer is whole.
    fn parse(&mut self) -> Result<bool, Failure> {
        let mut headers = [httparse::EMPTY_HEADER; 48];
        let mut head = httparse::Response::new(&mut headers);
        let httparse::Status::Complete(start) = head.parse(&self.buffer)? else { return Ok(false) };
        let mut length = None;
        self.location.clear();
        self.cookies.clear();
        self.status = head.code.unwrap_or_default();
        for header in head.headers.iter() {
            if header.name.eq_ignore_ascii_case("content-length") {
                length = Some(std::str::from_utf8(header.value)?.parse()?);
            } else if header.name.eq_ignore_ascii_case("location") {
                self.location.push_str(std::str::from_utf8(header.value)?);
            } else if header.name.eq_ignore_ascii_case("set-cookie") {
                let cookie = std::str::from_utf8(header.value)?;
                self.cookies.push(cookie.split(';').next().unwrap_or_default().to_owned());
            }
        }
        let length: usize = length.ok_or("the answer has no Content-Length")?;
        self.body = (start, start + length);
        Ok(self.buffer.len() >= start + length)
    }

    /// The last answer's body.
    pub fn body(&self) -> &str {
        std::str::from_utf8(&self.buffer[self.body.0..self.body.1]).unwrap_or_default()
    }

    /// A member of the last answer, which must have this status.
    pub fn member(&self, name: &str) -> Result<String, Failure> {
        self.expect(200)?;
        // Answers are parsed whole only here: it is the generator's own time.
        let json: Value = serde_json::from_str(self.body())?;
        let member = json[name].as_str().ok_or_else(|| format!("no {name} in {}", self.body()))?;
        Ok(member.to_owned())
    }

    /// An error unless the last answer has this status.
    pub fn expect(&self, status: u16) -> Result<(), Failure> {
        if self.status == status {
            return Ok(());
        }
        Err(format!("{} instead of {status}: {}", self.status, self.body()).into())
    }
}

/// The header line of HTTP Basic.
pub fn basic(id: &str, secret: &str) -> String {
    format!("authorization: Basic {}\r\n", BASE64_STANDARD.encode(format!("{id}:{secret}")))
}

/// The header line of a bearer token.
pub fn bearer(token: &str) -> String {
    format!("authorization: Bearer {token}\r\n")
}

/// An encoded form.
pub fn form(pairs: &[(&str, &str)]) -> String {
    form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish()
}
