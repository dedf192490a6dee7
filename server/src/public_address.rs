//! Which addresses are of the public internet (threat 17): requests that a stranger names go nowhere else.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// True if an address is neither of this machine nor of a private, local, reserved or translated network, in whatever way
/// it is written.
pub fn is_public(address: IpAddr) -> bool {
    match address.to_canonical() {
        IpAddr::V4(address) => is_public_v4(address),
        IpAddr::V6(address) => is_public_v6(address),
    }
}

fn is_public_v4(address: Ipv4Addr) -> bool {
    let [a, b, c, _] = address.octets();
    let special = address.is_private()
        || address.is_loopback()
        || address.is_link_local()
        || address.is_documentation()
        || address.is_multicast()
        || a == 0
        || a >= 240
        || (a == 100 && (64..128).contains(&b)) // shared by providers (RFC 6598)
        || (a == 192 && b == 0 && c == 0) // protocol assignments (RFC 6890)
        || (a == 192 && b == 88 && c == 99) // 6to4 relays (RFC 7526)
        || (a == 198 && (b == 18 || b == 19)); // benchmarks (RFC 2544)
    !special
}

fn is_public_v6(address: Ipv6Addr) -> bool {
    let [a, b, ..] = address.segments();
    let within = || {
        let [.., c, d] = address.segments();
        let ([c1, c2], [d1, d2]) = (c.to_be_bytes(), d.to_be_bytes());
        Ipv4Addr::new(c1, c2, d1, d2)
    };
    if (a, b) == (0x64, 0xff9b) {
        // NAT64: the address within counts; other prefixes of it are local (RFC 8215).
        return address.segments()[2..6] == [0; 4] && is_public_v4(within());
    }
    // Global unicast only, without Teredo, ORCHID, documentation and 6to4.
    (0x2000..0x4000).contains(&a)
        && !(a == 0x2001 && b < 0x200)
        && !(a == 0x2001 && b == 0xdb8)
        && !(a == 0x3fff && b < 0x1000)
        && a != 0x2002
}

#[cfg(test)]
mod tests {
    use super::is_public;

    #[test]
    fn adv_17_every_spelling_of_an_inner_address_is_inner() {
        for inner in [
            "127.0.0.1",
            "127.8.8.8",
            "0.0.0.0",
            "10.0.0.1",
            "172.16.0.1",
            "172.31.255.255",
            "192.168.1.1",
            "169.254.169.254",
            "100.64.0.1",
            "192.0.0.1",
            "192.0.2.1",
            "198.18.0.1",
            "198.51.100.7",
            "203.0.113.7",
            "224.0.0.1",
            "240.0.0.1",
            "255.255.255.255",
            "::",
            "::1",
            "::ffff:127.0.0.1",
            "::ffff:10.0.0.1",
            "::127.0.0.1",
            "64:ff9b::7f00:1",
            "64:ff9b::a00:1",
            "64:ff9b:1::808:808",
            "fc00::1",
            "fd12:3456::1",
            "fe80::1",
            "fec0::1",
            "ff02::1",
            "2001:db8::1",
            "2001::1",
            "2002:7f00:1::1",
            "100::1",
            "3fff::1",
        ] {
            assert!(!is_public(inner.parse().unwrap()), "{inner}");
        }
        for outer in
            ["8.8.8.8", "1.1.1.1", "172.32.0.1", "100.128.0.1", "2606:4700::1111", "64:ff9b::808:808"]
        {
            assert!(is_public(outer.parse().unwrap()), "{outer}");
        }
    }
}
