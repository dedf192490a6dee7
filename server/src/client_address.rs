//! The address that a request comes from: the peer's, or what trusted proxies say of it (deviation D20).

use std::net::IpAddr;

use actix_web::dev::ServiceRequest;
use actix_web::http::header::{self, HeaderMap, HeaderName};
use actix_web::{HttpMessage as _, HttpRequest};
use ipnet::IpNet;

/// Hops looked at, at most: a chain of proxies is short.
const MAX_HOPS: usize = 16;

/// What was found out when the request arrived.
struct Found(IpAddr);

/// Finds out where a request comes from and keeps it with the request.
pub fn note(request: &ServiceRequest, trusted: &[IpNet]) {
    if let Some(peer) = request.peer_addr() {
        let address = find(peer.ip().to_canonical(), request.headers(), trusted);
        request.extensions_mut().insert(Found(address));
    }
}

/// Where a request comes from; an IPv4 address is never in its IPv6 form.
pub fn of(request: &HttpRequest) -> Option<IpAddr> {
    request.extensions().get::<Found>().map(|found| found.0)
}

/// Walks from the peer to the left, as long as the hop that speaks is trusted: what stands left of the first stranger,
/// anybody may have written. If both headers are there and disagree, a proxy passes on one that it does not know, so
/// neither is believed.
fn find(peer: IpAddr, headers: &HeaderMap, trusted: &[IpNet]) -> IpAddr {
    if !is_trusted(peer, trusted) {
        return peer;
    }
    let standard = last(peer, headers, &header::FORWARDED, trusted, forwarded);
    let common = last(peer, headers, &header::X_FORWARDED_FOR, trusted, address);
    match (standard, common) {
        (Some(one), Some(other)) if one != other => peer,
        (one, other) => one.or(other).unwrap_or(peer),
    }
}

/// True for a peer that is believed.
pub fn is_trusted(address: IpAddr, trusted: &[IpNet]) -> bool {
    trusted.iter().any(|network| network.contains(&address))
}

/// The last hop that somebody trusted named; `None` without the header. A hop that is no address ends the walk: who
/// named it is the last that is known.
fn last(
    peer: IpAddr,
    headers: &HeaderMap,
    name: &HeaderName,
    trusted: &[IpNet],
    hop: fn(&str) -> Option<IpAddr>,
) -> Option<IpAddr> {
    let lines: Vec<_> = headers.get_all(name).collect();
    // Each hop is read by itself: what is no text says nothing about the hops that others added to the line.
    let hops = lines.iter().rev().flat_map(|line| line.as_bytes().rsplit(|byte| *byte == b','));
    let hops = hops.map(|text| std::str::from_utf8(text).ok().and_then(hop));
    let mut hops = hops.take(MAX_HOPS).peekable();
    hops.peek()?;
    let mut known = peer;
    for hop in hops {
        let Some(address) = hop else { break };
        known = address;
        if !is_trusted(address, trusted) {
            break;
        }
    }
    Some(known)
}

/// The `for` of an element of `Forwarded` (RFC 7239 4). A comma inside a quoted string splits it in two that are no
/// addresses.
fn forwarded(element: &str) -> Option<IpAddr> {
    let mut values = element.split(';').filter_map(|pair| {
        let (name, value) = pair.trim().split_once('=')?;
        name.eq_ignore_ascii_case("for").then_some(value)
    });
    let value = values.next().filter(|_| values.next().is_none())?;
    match value.strip_prefix('"') {
        Some(quoted) => address(quoted.strip_suffix('"')?),
        None => address(value),
    }
}

/// An address, with or without a port: `192.0.2.1`, `192.0.2.1:80`, `2001:db8::1`, `[2001:db8::1]`, `[2001:db8::1]:80`.
fn address(text: &str) -> Option<IpAddr> {
    let text = text.trim();
    let bare = match text.strip_prefix('[') {
        Some(rest) => {
            let (address, port) = rest.split_once(']')?;
            let port_only = port.strip_prefix(':').is_none_or(is_port);
            (port.is_empty() || port.starts_with(':') && port_only).then_some(address)?
        }
        None => match text.split_once(':') {
            Some((address, port)) if is_port(port) => address,
            _ => text,
        },
    };
    bare.parse().ok().map(|address: IpAddr| address.to_canonical())
}

fn is_port(text: &str) -> bool {
    text.parse::<u16>().is_ok()
}

#[cfg(test)]
mod tests {
    use actix_web::http::header::HeaderValue;
    use proptest::prelude::*;

    use super::*;

    const PROXIES: [&str; 2] = ["10.0.0.0/8", "2001:db8:ffff::/48"];

    fn found(peer: &str, lines: &[(&'static str, &str)]) -> String {
        let trusted: Vec<IpNet> = PROXIES.iter().map(|network| network.parse().unwrap()).collect();
        let mut headers = HeaderMap::new();
        for (name, value) in lines {
            headers.append(HeaderName::from_static(name), HeaderValue::from_str(value).unwrap());
        }
        find(peer.parse().unwrap(), &headers, &trusted).to_string()
    }

    fn x_forwarded_for(value: &str) -> String {
        found("10.0.0.1", &[("x-forwarded-for", value)])
    }

    fn forwarded_header(value: &str) -> String {
        found("10.0.0.1", &[("forwarded", value)])
    }

    #[test]
    fn adv_18_a_stranger_is_not_believed() {
        for name in ["x-forwarded-for", "forwarded"] {
            assert_eq!(found("192.0.2.1", &[(name, "for=203.0.113.9")]), "192.0.2.1");
            assert_eq!(found("192.0.2.1", &[(name, "203.0.113.9")]), "192.0.2.1");
        }
        assert_eq!(found("10.0.0.1", &[]), "10.0.0.1");
    }

    #[test]
    fn adv_18_the_list_is_read_from_the_right() {
        for (value, expected) in [
            ("203.0.113.9", "203.0.113.9"),
            ("1.2.3.4, 203.0.113.9", "203.0.113.9"),
            ("1.2.3.4, 203.0.113.9, 10.2.2.2", "203.0.113.9"),
            ("10.1.1.1, 10.2.2.2", "10.1.1.1"),
            ("10.3.3.3, 203.0.113.9,10.2.2.2 , 2001:db8:ffff::1", "203.0.113.9"),
            ("203.0.113.9:4711", "203.0.113.9"),
            ("2001:db8::7", "2001:db8::7"),
            ("[2001:db8::7]:443", "2001:db8::7"),
            ("::ffff:203.0.113.9", "203.0.113.9"),
        ] {
            assert_eq!(x_forwarded_for(value), expected, "{value}");
        }
        let lines = [("x-forwarded-for", "1.2.3.4"), ("x-forwarded-for", "203.0.113.9, 10.2.2.2")];
        assert_eq!(found("10.0.0.1", &lines), "203.0.113.9", "several lines are one list");
    }

    #[test]
    fn rfc7239_4_the_for_parameter_names_the_caller() {
        for (value, expected) in [
            ("for=203.0.113.9", "203.0.113.9"),
            ("For=\"203.0.113.9:80\";proto=https;by=10.0.0.1", "203.0.113.9"),
            ("for=1.2.3.4, proto=http;for=\"[2001:db8::7]:80\"", "2001:db8::7"),
            ("for=203.0.113.9, for=10.2.2.2;host=a", "203.0.113.9"),
        ] {
            assert_eq!(forwarded_header(value), expected, "{value}");
        }
    }

    #[test]
    fn rfc7239_6_a_hop_that_is_no_address_ends_the_walk() {
        for value in
            ["for=unknown", "for=_hidden", "proto=https", "for=1.2.3.4;for=5.6.7.8", "for=\"1.2.3.4", ""]
        {
            assert_eq!(forwarded_header(value), "10.0.0.1", "{value}");
            assert_eq!(
                forwarded_header(&format!("for=1.2.3.4, {value}, for=10.2.2.2")),
                "10.2.2.2",
                "{value}"
            );
        }
        for value in
            ["unknown", "203.0.113.9:", "203.0.113.9:x", "[2001:db8::7", "[2001:db8::7]x", "1.2.3", "\u{7f}"]
        {
            let value = value.replace('\u{7f}', "\t");
            assert_eq!(x_forwarded_for(&value), "10.0.0.1", "{value}");
        }
    }

    #[test]
    fn adv_18_headers_that_disagree_are_not_believed() {
        let both =
            |one: &str, other: &str| found("10.0.0.1", &[("forwarded", one), ("x-forwarded-for", other)]);
        assert_eq!(both("for=203.0.113.9", "203.0.113.9"), "203.0.113.9");
        assert_eq!(both("for=1.2.3.4", "203.0.113.9"), "10.0.0.1", "one of them was sent by the caller");
        assert_eq!(both("for=unknown", "203.0.113.9"), "10.0.0.1");
    }

    #[test]
    fn adv_18_bytes_that_are_no_text_hide_nobody() {
        let mut headers = HeaderMap::new();
        let line = HeaderValue::from_bytes(b"\xe9, 203.0.113.9").unwrap();
        headers.insert(header::X_FORWARDED_FOR, line);
        let trusted = ["10.0.0.0/8".parse().unwrap()];
        assert_eq!(find("10.0.0.1".parse().unwrap(), &headers, &trusted).to_string(), "203.0.113.9");
    }

    #[test]
    fn adv_15_a_long_list_is_not_read_to_its_end() {
        let long = format!("1.2.3.4{}", ", 10.9.9.9".repeat(MAX_HOPS));
        assert_eq!(x_forwarded_for(&long), "10.9.9.9");
    }

    proptest! {
        #[test]
        fn nothing_left_of_a_stranger_counts(left in "[ -~]{0,40}") {
            prop_assert_eq!(x_forwarded_for(&format!("{left},203.0.113.9")), "203.0.113.9");
        }
    }
}
