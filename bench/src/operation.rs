//! What is measured: each operation as its client does it, over one kept connection.

use std::rc::Rc;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::connection::{Connection, Failure, basic, bearer, form};
use crate::server::{CALLBACK, Installation, Server, csrf};

const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";
/// Devices that wait while polls are measured.
pub const PENDING: usize = 5_000;
/// Tokens that are looked at by turns.
const TOKENS: usize = 256;
/// Tokens of which each is looked at once in a second or less often, so that no verdict is known already.
const MANY_TOKENS: usize = 40_000;

/// The failure of an operation that has used up what was made for it.
pub const OVER: &str = "nothing is left";

/// One row of the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operation {
    /// Not ours: one answer of the library alone.
    Bare,
    ClientCredentials,
    Introspection,
    IntrospectionMiss,
    TokenInfo,
    UserInfo,
    Refresh,
    RefreshFixed,
    Code,
    DeviceCode,
    DevicePoll,
    DeviceFlow,
    Revoke,
    Jwks,
    Discovery,
    Mixed,
}

impl Operation {
    /// All of them, in the order of the table.
    pub const ALL: [Self; 15] = [
        Self::ClientCredentials,
        Self::Introspection,
        Self::IntrospectionMiss,
        Self::TokenInfo,
        Self::UserInfo,
        Self::Refresh,
        Self::RefreshFixed,
        Self::Code,
        Self::DeviceCode,
        Self::DevicePoll,
        Self::DeviceFlow,
        Self::Revoke,
        Self::Jwks,
        Self::Discovery,
        Self::Mixed,
    ];

    /// As it is named in the table and on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::Bare => "bare actix-web",
            Self::ClientCredentials => "client_credentials",
            Self::Introspection => "introspection",
            Self::IntrospectionMiss => "introspection-miss",
            Self::TokenInfo => "tokeninfo",
            Self::UserInfo => "userinfo",
            Self::Refresh => "refresh",
            Self::RefreshFixed => "refresh-fixed",
            Self::Code => "code",
            Self::DeviceCode => "device-code",
            Self::DevicePoll => "device-poll",
            Self::DeviceFlow => "device-flow",
            Self::Revoke => "revoke",
            Self::Jwks => "jwks",
            Self::Discovery => "discovery",
            Self::Mixed => "mixed",
        }
    }

    /// Settings that the server needs for it besides the usual.
    pub fn settings(self) -> &'static [(&'static str, &'static str)] {
        if self == Self::RefreshFixed { &[("ENABLE_TOKEN_ROTATION", "false")] } else { &[] }
    }

    /// Connections at most: one person decides about the devices, and who enters ten codes at once is taken to guess.
    pub fn most(self) -> usize {
        if self == Self::DeviceFlow { 8 } else { usize::MAX }
    }

    /// Processor time of one at 8 and at 32 connections that we aim for, in microseconds.
    pub fn aim(self) -> (u32, u32) {
        match self {
            Self::ClientCredentials => (80, 60),
            Self::Introspection | Self::TokenInfo | Self::UserInfo | Self::DevicePoll => (15, 15),
            Self::IntrospectionMiss => (95, 95),
            Self::Refresh => (95, 80),
            Self::RefreshFixed => (75, 75),
            Self::Code => (180, 180),
            Self::DeviceCode | Self::Revoke => (45, 45),
            Self::DeviceFlow => (220, 220),
            Self::Bare | Self::Jwks | Self::Discovery => (9, 9),
            Self::Mixed => (35, 35),
        }
    }
}

/// What the connections share: credentials and tokens that were made before the clock starts.
#[derive(Default)]
pub struct Scene {
    client_id: String,
    authorization: String,
    browser: String,
    tokens: Vec<String>,
    persons: Vec<String>,
    devices: Vec<String>,
    device_form: String,
    next: AtomicUsize,
}

/// One client of the load: its connection and what it has in hand.
pub struct Actor {
    scene: Rc<Scene>,
    /// Its connection.
    pub connection: Connection,
    refresh_token: String,
    turn: usize,
}

impl Scene {
    /// Makes what the operation needs.
    pub async fn set(
        operation: Operation,
        installation: &Installation,
        server: &Server,
    ) -> Result<Self, Failure> {
        let (id, secret) = &installation.client;
        let mut scene = Self {
            client_id: id.clone(),
            authorization: basic(id, secret),
            browser: server.sign_in().await?,
            tokens: Vec::new(),
            persons: Vec::new(),
            devices: Vec::new(),
            device_form: String::new(),
            next: AtomicUsize::new(0),
        };
        let mut connection = Connection::open(server.addr).await?;
        let tokens = match operation {
            Operation::Introspection | Operation::TokenInfo | Operation::Mixed => TOKENS,
            Operation::IntrospectionMiss | Operation::Revoke => MANY_TOKENS,
            _ => 0,
        };
        scene.tokens = scene.make_tokens(server, tokens).await?;
        if operation == Operation::UserInfo {
            for _ in 0..TOKENS {
                scene.persons.push(code(&scene, &mut connection).await?.0);
            }
        }
        if operation == Operation::DevicePoll {
            for _ in 0..PENDING {
                scene.devices.push(device_code(&scene, &mut connection).await?.0);
            }
        }
        if operation == Operation::DeviceFlow {
            let (_, user_code) = device_code(&scene, &mut connection).await?;
            connection.get(&format!("/device?user_code={user_code}"), &scene.browser).await?;
            connection.expect(200)?;
            scene.device_form = csrf(connection.body())?;
        }
        Ok(scene)
    }

    /// Access tokens of the client, made by many connections at once, since commits are shared.
    pub async fn make_tokens(&self, server: &Server, count: usize) -> Result<Vec<String>, Failure> {
        let mut tokens = Vec::with_capacity(count);
        let makers = 32;
        for _ in 0..makers.min(count) {
            let mut connection = Connection::open(server.addr).await?;
            let authorization = self.authorization.clone();
            tokens.push(tokio::task::spawn_local(async move {
                let mut made = Vec::new();
                for _ in 0..count.div_ceil(makers) {
                    let asked = client_credentials(&authorization, &mut connection).await;
                    made.push(
                        asked
                            .and_then(|()| connection.member("access_token"))
                            .map_err(|error| error.to_string())?,
                    );
                }
                Ok::<_, String>(made)
            }));
        }
        let mut all = Vec::with_capacity(count);
        for made in tokens {
            all.extend(made.await??);
        }
        Ok(all)
    }
}

impl Actor {
    /// One more connection.
    pub async fn enter(
        operation: Operation,
        scene: Rc<Scene>,
        server: &Server,
        number: usize,
    ) -> Result<Self, Failure> {
        let mut connection = Connection::open(server.addr).await?;
        let mut refresh_token = String::new();
        if matches!(operation, Operation::Refresh | Operation::RefreshFixed | Operation::Mixed) {
            refresh_token = code(&scene, &mut connection).await?.1;
        }
        Ok(Self { scene, connection, refresh_token, turn: number * 17 })
    }

    /// Does the operation once.
    pub async fn act(&mut self, operation: Operation) -> Result<(), Failure> {
        self.turn += 1;
        let scene = Rc::clone(&self.scene);
        let connection = &mut self.connection;
        match operation {
            Operation::ClientCredentials => client_credentials(&scene.authorization, connection).await,
            Operation::Introspection | Operation::IntrospectionMiss => {
                introspect(&scene, connection, scene.of(&scene.tokens)).await
            }
            Operation::TokenInfo => {
                connection.get("/oauth/tokeninfo", &bearer(scene.of(&scene.tokens))).await?;
                connection.expect(200)
            }
            Operation::UserInfo => {
                connection.get("/oauth/userinfo", &bearer(scene.of(&scene.persons))).await?;
                connection.expect(200)
            }
            Operation::Refresh | Operation::RefreshFixed => {
                let refresh =
                    form(&[("grant_type", "refresh_token"), ("refresh_token", &self.refresh_token)]);
                connection.post("/oauth/token", &scene.authorization, &refresh).await?;
                self.refresh_token = connection.member("refresh_token")?;
                Ok(())
            }
            Operation::Code => code(&scene, connection).await.map(drop),
            Operation::DeviceCode => {
                device_request(&scene, connection).await?;
                connection.expect(200)
            }
            Operation::DevicePoll => {
                poll(&scene, connection, scene.of(&scene.devices)).await?;
                connection.expect(400)
            }
            Operation::DeviceFlow => {
                let (device_code, user_code) = device_code(&scene, connection).await?;
                let decision = [
                    ("csrf_token", scene.device_form.as_str()),
                    ("user_code", &user_code),
                    ("confirmed", "true"),
                    ("action", "approve"),
                ];
                connection.post("/device/verify", &scene.browser, &form(&decision)).await?;
                connection.expect(200)?;
                poll(&scene, connection, &device_code).await?;
                connection.expect(200)
            }
            Operation::Revoke => {
                let token = scene.tokens.get(scene.next.fetch_add(1, Ordering::Relaxed)).ok_or(OVER)?;
                connection.post("/oauth/revoke", &scene.authorization, &format!("token={token}")).await?;
                connection.expect(200)
            }
            Operation::Bare | Operation::Jwks => {
                connection.get("/.well-known/jwks.json", "").await?;
                connection.expect(200)
            }
            Operation::Discovery => {
                connection.get("/.well-known/openid-configuration", "").await?;
                connection.expect(200)
            }
            Operation::Mixed => Box::pin(self.act(mixed(self.turn))).await,
        }
    }
}

/// Of a hundred: 35 introspect, 35 look at a token, 20 ask for one, 8 refresh, 2 redeem a code.
fn mixed(turn: usize) -> Operation {
    // 61 has no common factor with 100, so the kinds are spread.
    match turn * 61 % 100 {
        0..35 => Operation::Introspection,
        35..70 => Operation::TokenInfo,
        70..90 => Operation::ClientCredentials,
        90..98 => Operation::Refresh,
        _ => Operation::Code,
    }
}

impl Scene {
    /// The next by turns.
    fn of<'s>(&self, texts: &'s [String]) -> &'s str {
        &texts[self.next.fetch_add(1, Ordering::Relaxed) % texts.len()]
    }
}

async fn client_credentials(authorization: &str, connection: &mut Connection) -> Result<(), Failure> {
    connection.post("/oauth/token", authorization, "grant_type=client_credentials&scope=read").await?;
    connection.expect(200)
}

async fn introspect(scene: &Scene, connection: &mut Connection, token: &str) -> Result<(), Failure> {
    // A token has only characters that stand for themselves.
    connection.post("/oauth/introspect", &scene.authorization, &format!("token={token}")).await?;
    if connection.status == 200 && connection.body().contains("\"active\":true") {
        return Ok(());
    }
    Err(format!("{}: {}", connection.status, connection.body()).into())
}

/// Authorizes and redeems; the access token and the refresh token.
async fn code(scene: &Scene, connection: &mut Connection) -> Result<(String, String), Failure> {
    let asked = form(&[
        ("client_id", scene.client_id.as_str()),
        ("redirect_uri", CALLBACK),
        ("response_type", "code"),
        ("scope", "openid read"),
        ("state", "s"),
        ("code_challenge", CHALLENGE),
        ("code_challenge_method", "S256"),
    ]);
    connection.get(&format!("/oauth/authorize?{asked}"), &scene.browser).await?;
    let code = connection.location.split("code=").nth(1).and_then(|rest| rest.split('&').next());
    let code = code.ok_or_else(|| format!("{}: no code in {}", connection.status, connection.location))?;
    let redeem = form(&[
        ("grant_type", "authorization_code"),
        ("code", code),
        ("redirect_uri", CALLBACK),
        ("code_verifier", VERIFIER),
    ]);
    connection.post("/oauth/token", &scene.authorization, &redeem).await?;
    Ok((connection.member("access_token")?, connection.member("refresh_token")?))
}

async fn device_request(scene: &Scene, connection: &mut Connection) -> Result<(), Failure> {
    connection.post("/oauth/device/code", &scene.authorization, "scope=read").await
}

async fn device_code(scene: &Scene, connection: &mut Connection) -> Result<(String, String), Failure> {
    device_request(scene, connection).await?;
    Ok((connection.member("device_code")?, connection.member("user_code")?))
}

async fn poll(scene: &Scene, connection: &mut Connection, device_code: &str) -> Result<(), Failure> {
    let poll =
        form(&[("grant_type", "urn:ietf:params:oauth:grant-type:device_code"), ("device_code", device_code)]);
    connection.post("/oauth/token", &scene.authorization, &poll).await
}
