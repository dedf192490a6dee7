//! `Forwarded` and `X-Forwarded-For`.

use std::net::{IpAddr, SocketAddr};

use actix_web::http::header::{HeaderName, HeaderValue};
use actix_web::test::TestRequest;
use authgate::client_address;
use ipnet::IpNet;

const STRANGER: &str = "203.0.113.9";
const PROXY: &str = "10.0.0.1";

/// The first byte of a line chooses the header. Nobody believes a stranger; a trusted proxy is believed as far as trusted
/// hops reach, and nothing that stands left of the first stranger counts.
pub fn check(data: &[u8]) {
    let mut headers = Vec::new();
    for line in data.split(|byte| *byte == b'\n') {
        let Some((first, rest)) = line.split_first() else { continue };
        let name = if first % 2 == 0 { "forwarded" } else { "x-forwarded-for" };
        let Ok(value) = HeaderValue::from_bytes(rest) else { continue };
        headers.push((HeaderName::from_static(name), value));
    }
    assert_eq!(found(STRANGER, &headers).to_string(), STRANGER);
    let believed = found(PROXY, &headers);
    assert_eq!(believed, believed.to_canonical());
    if believed.to_string() != PROXY && !believed.is_ipv6() {
        let text = believed.to_string();
        let said = headers.iter().any(|(_, value)| {
            let value = String::from_utf8_lossy(value.as_bytes());
            // An IPv4 address may come in its IPv6 form.
            value.contains(&text) || value.contains(':')
        });
        assert!(said, "{text} is in no header");
    }
    // The hop that the last proxy adds is what counts, whatever a stranger sent before.
    let mut appended = headers.clone();
    for name in ["forwarded", "x-forwarded-for"] {
        let hop = if name == "forwarded" { format!("for={STRANGER}") } else { STRANGER.to_owned() };
        appended.push((HeaderName::from_static(name), HeaderValue::from_str(&hop).expect("it is ASCII")));
    }
    assert_eq!(found(PROXY, &appended).to_string(), STRANGER);
}

fn found(peer: &str, headers: &[(HeaderName, HeaderValue)]) -> IpAddr {
    let trusted: [IpNet; 1] = ["10.0.0.0/8".parse().expect("a network")];
    let peer: IpAddr = peer.parse().expect("an address");
    let mut request = TestRequest::get().peer_addr(SocketAddr::new(peer, 1));
    for (name, value) in headers {
        request = request.append_header((name.clone(), value.clone()));
    }
    let request = request.to_srv_request();
    client_address::note(&request, &trusted);
    client_address::of(request.request()).expect("it has a peer")
}
