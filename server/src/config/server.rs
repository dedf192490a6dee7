//! Address, issuer, TLS, logs, and whether this is production.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use ipnet::IpNet;
use tracing_subscriber::EnvFilter;

use super::issuer::{self, Issuer};
use super::parse::{self, Parsed};
use super::reader::{Reader, default};
use super::reference::settings;
use super::{Compat, Setting};

settings! { "Server";
    /// Address and port to listen on; `:8080` is every IPv4 address, `[::]:8080` IPv6 as well.
    SERVER_ADDR = ":8080";
    /// Public URL and issuer; may have a path.
    BASE_URL = "http://localhost:8080";
    /// `production` (or `true`, `1`) turns the production rules on; an https issuer that is not loopback does too.
    ENVIRONMENT = "";
    /// PEM file with the certificate chain; together with `TLS_KEY_FILE`.
    TLS_CERT_FILE = "";
    /// PEM file with the private key of the certificate.
    TLS_KEY_FILE = "";
    /// Comma separated addresses and networks of reverse proxies whose `X-Forwarded-For` or `Forwarded` says where a request comes from.
    TRUSTED_PROXIES = "";
    /// How long browsers may keep static files whose name has no hash; `0` sends no header.
    STATIC_CACHE_MAX_AGE = "24h";
    /// Serves the OpenAPI document of this server and a page to try it out, below `/swagger`.
    ENABLE_SWAGGER = "false";
    /// How long running requests may take to finish after SIGTERM.
    SERVER_SHUTDOWN_TIMEOUT = "5s";
    /// How long audit events that wait may take to be written after that.
    AUDIT_SHUTDOWN_TIMEOUT = "10s";
    /// Connections at a time, 16 to 1000000; one address may hold half of them, and more wait.
    MAX_CONNECTIONS = "2000";
    /// `text` for people, `json` for collectors.
    LOG_FORMAT = "text";
    /// What is logged, in the syntax of the tracing crate, such as `info,authgate=debug`.
    RUST_LOG = "info";
}

/// How the server is reached.
#[derive(Clone, Debug)]
#[expect(clippy::struct_excessive_bools, reason = "each is a switch of its own")]
pub struct Server {
    /// Where it listens.
    pub addr: SocketAddr,
    /// The canonical issuer: no trailing slash, scheme and host in lower case, no default port.
    pub issuer: String,
    /// The path of the issuer: empty, or with a leading and without a trailing slash.
    pub issuer_path: String,
    /// True if the issuer is https, whoever ends TLS.
    pub https: bool,
    /// True if the production rules hold (deviation D35).
    pub production: bool,
    /// Certificate and key, if TLS ends here.
    pub tls: Option<Tls>,
    /// Peers that are believed when they say for whom they speak.
    pub trusted_proxies: Vec<IpNet>,
    /// `max-age` of static files without hash, in seconds; `None` sends no header.
    pub static_max_age: Option<i64>,
    /// True if the OpenAPI document is served.
    pub swagger: bool,
    /// How long running requests may take to finish.
    pub shutdown_timeout: Duration,
    /// How long audit events that wait may take after that.
    pub audit_shutdown_timeout: Duration,
    /// Connections at a time.
    pub max_connections: usize,
    /// True if logs are JSON lines.
    pub json_logs: bool,
    /// What is logged, as the tracing crate writes it; valid.
    pub log_filter: String,
}

/// PEM files, not read yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tls {
    /// The certificate chain.
    pub cert: PathBuf,
    /// Its private key.
    pub key: PathBuf,
}

pub(super) fn read(reader: &mut Reader<'_>, compat: &Compat) -> Server {
    let issuer = reader.optional(BASE_URL, issuer::canonical);
    let production = is_production(reader, issuer.as_ref());
    let issuer = issuer.unwrap_or_else(|| default(BASE_URL, issuer::canonical));
    if reader.sound(&[BASE_URL]) && !issuer.https {
        check_http_issuer(reader, &issuer, production, compat);
    }
    let static_max_age = reader.seconds(STATIC_CACHE_MAX_AGE, 0..=i64::MAX);
    Server {
        addr: reader.value(SERVER_ADDR, address),
        issuer: issuer.text,
        issuer_path: issuer.path,
        https: issuer.https,
        production,
        tls: tls(reader),
        trusted_proxies: trusted_proxies(reader),
        static_max_age: Some(static_max_age).filter(|age| *age > 0),
        swagger: reader.switch(ENABLE_SWAGGER),
        shutdown_timeout: reader.value(SERVER_SHUTDOWN_TIMEOUT, parse::duration),
        audit_shutdown_timeout: reader.value(AUDIT_SHUTDOWN_TIMEOUT, parse::duration),
        max_connections: usize::try_from(reader.integer(MAX_CONNECTIONS, 16..=1_000_000))
            .expect("it is positive"),
        json_logs: reader.value(LOG_FORMAT, |text| parse::word(text, &[("text", false), ("json", true)])),
        log_filter: reader.value(RUST_LOG, log_filter),
    }
}

fn is_production(reader: &Reader<'_>, issuer: Option<&Issuer>) -> bool {
    let said = reader.text(ENVIRONMENT).map(|text| text.to_ascii_lowercase());
    matches!(said.as_deref(), Some("production" | "true" | "1"))
        || issuer.is_some_and(|issuer| issuer.https && !issuer.loopback)
}

fn check_http_issuer(reader: &mut Reader<'_>, issuer: &Issuer, production: bool, compat: &Compat) {
    match (production, issuer.loopback) {
        (true, false) if !compat.http_issuer => {
            reader.problem(
                BASE_URL,
                "must be https in production (COMPAT_HTTP_ISSUER=true allows http all the same)",
            );
        }
        (true, true) => reader.warn(format!(
            "BASE_URL is {} in production: only this machine can reach it, and cookies are not Secure",
            issuer.text
        )),
        (_, false) => reader.warn(format!(
            "BASE_URL is {}: passwords, codes and tokens cross the network unencrypted",
            issuer.text
        )),
        (false, true) => {}
    }
}

fn tls(reader: &mut Reader<'_>) -> Option<Tls> {
    let half = |reader: &mut Reader<'_>, missing: Setting| {
        reader.problem(missing, "TLS_CERT_FILE and TLS_KEY_FILE must both be set or both be empty");
        None
    };
    match (reader.text(TLS_CERT_FILE), reader.text(TLS_KEY_FILE)) {
        (Some(cert), Some(key)) => Some(Tls { cert: cert.into(), key: key.into() }),
        (None, None) => None,
        (Some(_), None) => half(reader, TLS_KEY_FILE),
        (None, Some(_)) => half(reader, TLS_CERT_FILE),
    }
}

fn trusted_proxies(reader: &mut Reader<'_>) -> Vec<IpNet> {
    let networks =
        reader.optional(TRUSTED_PROXIES, |text| parse::list(text).iter().map(|item| network(item)).collect());
    let networks: Vec<IpNet> = networks.unwrap_or_default();
    if networks.iter().any(|network| network.prefix_len() == 0) {
        reader.warn("TRUSTED_PROXIES trusts everybody: who sends X-Forwarded-For chooses an address, and with it whose limits count");
    }
    networks
}

fn network(text: &str) -> Parsed<IpNet> {
    let address = || text.parse::<IpAddr>().map(|address| IpNet::from(address.to_canonical()));
    text.parse::<IpNet>().map(|network| network.trunc()).or_else(|_| address()).map_err(|_| {
        format!("must list addresses and networks such as 192.0.2.7 or 10.0.0.0/8, unlike {text:?}")
    })
}

fn address(text: &str) -> Parsed<SocketAddr> {
    let expected = || "must be an address and a port such as :8080, 127.0.0.1:8080 or [::1]:8080".to_owned();
    let port = |port: &str, host: Ipv4Addr| Some(SocketAddr::from((host, port.parse::<u16>().ok()?)));
    let address = match text.rsplit_once(':') {
        Some(("", digits)) => port(digits, Ipv4Addr::UNSPECIFIED),
        Some(("localhost", digits)) => port(digits, Ipv4Addr::LOCALHOST),
        _ => text.parse().ok(),
    };
    address.ok_or_else(expected)
}

fn log_filter(text: &str) -> Parsed<String> {
    let valid = EnvFilter::builder().parse(text).is_ok();
    valid
        .then(|| text.to_owned())
        .ok_or_else(|| "must be levels and targets such as info,authgate=debug".into())
}

#[cfg(test)]
mod tests {
    use super::super::tests::{config, refused, warnings};
    use super::*;

    #[test]
    fn addresses_as_go_writes_them() {
        let addr = |text: &str| config(&[("SERVER_ADDR", text)]).server.addr.to_string();
        assert_eq!(config(&[]).server.addr.to_string(), "0.0.0.0:8080");
        assert_eq!(addr(":9000"), "0.0.0.0:9000");
        assert_eq!(addr("localhost:1"), "127.0.0.1:1");
        assert_eq!(addr("[::]:8080"), "[::]:8080");
        for text in ["8080", ":", ":99999", "example.com:80", "127.0.0.1"] {
            assert!(refused(&[("SERVER_ADDR", text)]).contains(":8080, 127.0.0.1:8080"), "{text}");
        }
    }

    #[test]
    fn production_is_said_or_follows_from_an_https_issuer() {
        for (environment, base, production) in [
            ("", "http://localhost:8080", false),
            ("", "https://localhost", false),
            ("", "https://id.example.com", true),
            ("staging", "https://localhost", false),
            ("staging", "https://id.example.com", true),
            ("production", "https://localhost", true),
            ("true", "https://localhost", true),
            ("1", "https://localhost", true),
        ] {
            let server = config(&[("ENVIRONMENT", environment), ("BASE_URL", base)]).server;
            assert_eq!(server.production, production, "{environment} {base}");
        }
    }

    #[test]
    fn http_is_refused_in_production_except_on_loopback() {
        let base = ("BASE_URL", "http://id.example.com");
        let production = ("ENVIRONMENT", "production");
        assert!(refused(&[base, production]).contains("must be https in production"));
        let warned = warnings(&[base, production, ("COMPAT_HTTP_ISSUER", "true")]);
        assert!(warned.iter().any(|line| line.contains("unencrypted")), "{warned:?}");
        assert!(warnings(&[base])[0].contains("unencrypted"));
        assert!(warnings(&[production])[0].contains("only this machine"));
        assert!(warnings(&[]).is_empty());
    }

    #[test]
    fn tls_needs_both_files() {
        let both = [("TLS_CERT_FILE", "/c.pem"), ("TLS_KEY_FILE", "/k.pem")];
        assert_eq!(config(&both).server.tls, Some(Tls { cert: "/c.pem".into(), key: "/k.pem".into() }));
        assert!(refused(&both[..1]).contains("TLS_KEY_FILE is not set"));
        assert!(refused(&both[1..]).contains("TLS_CERT_FILE is not set"));
    }

    #[test]
    fn proxies_are_addresses_and_networks() {
        let proxies = |text: &str| {
            let networks = config(&[("TRUSTED_PROXIES", text)]).server.trusted_proxies;
            networks.iter().map(ToString::to_string).collect::<Vec<_>>()
        };
        assert!(config(&[]).server.trusted_proxies.is_empty());
        assert_eq!(
            proxies("10.1.2.3/8, 192.0.2.7,2001:db8::/32, ::1, ::ffff:192.0.2.8"),
            ["10.0.0.0/8", "192.0.2.7/32", "2001:db8::/32", "::1/128", "192.0.2.8/32"]
        );
        for text in ["proxy.example.com", "10.0.0.0/33", "10.0.0.1:80", "*"] {
            assert!(refused(&[("TRUSTED_PROXIES", text)]).contains("10.0.0.0/8, unlike"), "{text}");
        }
        assert!(warnings(&[("TRUSTED_PROXIES", "10.0.0.0/8,::/0")])[0].contains("trusts everybody"));
        assert!(warnings(&[("TRUSTED_PROXIES", "10.0.0.0/8")]).is_empty());
    }

    #[test]
    fn no_cache_header_at_zero() {
        assert_eq!(config(&[]).server.static_max_age, Some(86_400));
        assert_eq!(config(&[("STATIC_CACHE_MAX_AGE", "0")]).server.static_max_age, None);
    }

    #[test]
    fn log_formats() {
        assert!(config(&[("LOG_FORMAT", "json")]).server.json_logs);
        assert!(refused(&[("LOG_FORMAT", "xml")]).contains("must be text or json"));
    }

    #[test]
    fn log_filters() {
        assert_eq!(config(&[]).server.log_filter, "info");
        assert_eq!(config(&[("RUST_LOG", "warn,authgate=debug")]).server.log_filter, "warn,authgate=debug");
        assert!(refused(&[("RUST_LOG", "authgate=loud")]).contains("such as info,authgate=debug"));
    }

    #[test]
    fn timeouts_may_be_shorter_than_a_second() {
        let timeout = config(&[("SERVER_SHUTDOWN_TIMEOUT", "500ms")]).server.shutdown_timeout;
        assert_eq!(timeout, Duration::from_millis(500));
    }
}
