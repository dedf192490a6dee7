//! Redirect URIs: what may be registered, and what matches it.

use authgate_core::redirect_uri::{Kind, NEVER, Rules, check as registered, host, kind, matches, with_query};
use url::Url;

const OWN: &str = "https://id.example.com";

/// A URI to register on the first line, a presented one on the second. What is accepted leads where it says, for every
/// reader; nothing but a loopback port makes two texts the same.
pub fn check(data: &[u8]) {
    let Some([text, presented]) = super::lines(data) else { return };
    let (schemes, http_hosts) = (["cursor".to_owned()], ["legacy.example.com".to_owned()]);
    for native in [false, true] {
        let rules = Rules { own_origin: OWN, native, schemes: &schemes, http_hosts: &http_hosts };
        if let Ok(accepted) = registered(text, rules) {
            sound(text, accepted, native);
            compared(text, presented, native);
        }
    }
}

fn sound(text: &str, accepted: Kind, native: bool) {
    assert_eq!(kind(text), accepted);
    assert!(text.is_ascii() && text.len() <= 2048 && !text.contains('#') && !text.contains('\\'));
    assert!(text.bytes().all(|byte| byte.is_ascii_graphic()));
    let url = Url::parse(text).expect("a URL");
    assert!(url.username().is_empty() && url.password().is_none());
    assert!(url.origin().ascii_serialization() != OWN);
    match accepted {
        Kind::PrivateUse => {
            assert!(native && !NEVER.contains(&url.scheme()));
            assert!(url.scheme().contains('.') || url.scheme() == "cursor");
        }
        Kind::Https => assert_eq!(url.scheme(), "https"),
        Kind::Loopback | Kind::Http => assert_eq!(url.scheme(), "http"),
    }
    if accepted != Kind::PrivateUse {
        // A reader who only looks at the text finds the same host as one who parses it.
        let host = url.host_str().expect("a host");
        let (_, rest) = text.split_once("://").expect("an authority");
        let authority = rest.split(['/', '?']).next().expect("one").to_ascii_lowercase();
        let port = authority.strip_prefix(host).expect("the host is spelled plainly");
        assert!(
            port.is_empty() || port.starts_with(':') && port[1..].bytes().all(|byte| byte.is_ascii_digit())
        );
        assert!(
            ["legacy.example.com", "localhost", "127.0.0.1", "[::1]"].contains(&host)
                || accepted == Kind::Https
        );
    }
    let answer = with_query(text, "code=1");
    assert!(answer.starts_with(text) && Url::parse(&answer).is_ok_and(|answer| answer.host() == url.host()));
    assert!(
        Url::parse(&answer)
            .expect("a URL")
            .query_pairs()
            .any(|(name, value)| (&*name, &*value) == ("code", "1"))
    );
    assert!(!host(text).is_empty());
}

fn compared(text: &str, presented: &str, native: bool) {
    assert!(matches(text, text, native));
    let same = matches(text, presented, native);
    assert!(!same || native || text == presented);
    if same && text != presented {
        assert_eq!((kind(text), kind(presented)), (Kind::Loopback, Kind::Loopback));
        let (mut one, mut other) = (Url::parse(text).expect("a URL"), Url::parse(presented).expect("a URL"));
        one.set_port(None).expect("http has ports");
        other.set_port(None).expect("http has ports");
        assert_eq!(one, other, "only the port differs");
    }
}
