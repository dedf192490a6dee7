//! Browser sessions.

use super::parse::show_seconds;
use super::reader::Reader;
use super::reference::settings;

settings! { "Sessions";
    /// Accepted and not used: the session cookie is encrypted with a key derived from the master key.
    SESSION_SECRET = "", secret;
    /// Calls the session cookie `__Host-oauth_session`, which no subdomain can set; needs an https issuer.
    SESSION_COOKIE_HOST_PREFIX = "false";
    /// Seconds that a session lives, at most 12 hours.
    SESSION_MAX_AGE = "3600";
    /// Seconds without a request after which a session ends; `0` is never.
    SESSION_IDLE_TIMEOUT = "1800";
    /// Asks for a login when the browser behind a session changes.
    SESSION_FINGERPRINT = "true";
    /// The same when its network changes; logs out people who move.
    SESSION_FINGERPRINT_IP = "false";
    /// Offers "Remember me" at login.
    SESSION_REMEMBER_ME_ENABLED = "true";
    /// Seconds that a remembered session lives after its last use, at most 30 days.
    SESSION_REMEMBER_ME_MAX_AGE = "2592000";
}

/// Absolute end of a session that is not remembered (design/sessions-and-consent.md).
const LONGEST: i64 = 12 * 3600;
/// The reference cannot keep a cookie for longer, and refuses to start.
const LONGEST_REMEMBERED: i64 = 30 * 24 * 3600;

/// Sessions. Lifetimes are in seconds.
#[derive(Clone, Debug)]
pub struct Sessions {
    /// Name of the cookie.
    pub cookie: &'static str,
    /// Idle time; 0 is off. Remembered sessions are exempt.
    pub idle: i64,
    /// Absolute life, at most 12 hours.
    pub max_age: i64,
    /// True if login offers to remember.
    pub remember: bool,
    /// Sliding life of a remembered session.
    pub remember_max_age: i64,
    /// True if another browser must log in.
    pub fingerprint: bool,
    /// True if another network must log in.
    pub fingerprint_ip: bool,
}

pub(super) fn read(reader: &mut Reader<'_>, https: bool) -> Sessions {
    let host_prefix = reader.switch(SESSION_COOKIE_HOST_PREFIX);
    if host_prefix && !https {
        reader.problem(
            SESSION_COOKIE_HOST_PREFIX,
            "needs an https BASE_URL: browsers take such cookies only there",
        );
    }
    reader.inline_secret(SESSION_SECRET);
    let idle = reader.limit(SESSION_IDLE_TIMEOUT, 0..=i64::MAX);
    if idle == 0 {
        reader.weaker(SESSION_IDLE_TIMEOUT);
    }
    let max_age = reader.limit(SESSION_MAX_AGE, 1..=i64::MAX);
    if max_age > LONGEST {
        reader.warn(format!("SESSION_MAX_AGE is capped at {LONGEST} ({})", show_seconds(LONGEST)));
    }
    Sessions {
        cookie: if host_prefix { "__Host-oauth_session" } else { "oauth_session" },
        idle,
        max_age: max_age.min(LONGEST),
        remember: reader.switch(SESSION_REMEMBER_ME_ENABLED),
        remember_max_age: reader.integer(SESSION_REMEMBER_ME_MAX_AGE, 1..=LONGEST_REMEMBERED),
        fingerprint: reader.safeguard(SESSION_FINGERPRINT),
        fingerprint_ip: reader.switch(SESSION_FINGERPRINT_IP),
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{config, refused, warnings};

    #[test]
    fn defaults() {
        let sessions = config(&[]).sessions;
        assert_eq!((sessions.idle, sessions.max_age, sessions.remember_max_age), (1800, 3600, 2_592_000));
        assert!(sessions.remember && sessions.fingerprint && !sessions.fingerprint_ip);
    }

    #[test]
    fn the_host_prefix_needs_https() {
        let on = ("SESSION_COOKIE_HOST_PREFIX", "true");
        assert_eq!(config(&[]).sessions.cookie, "oauth_session");
        assert_eq!(config(&[on, ("BASE_URL", "https://localhost")]).sessions.cookie, "__Host-oauth_session");
        assert!(refused(&[on]).contains("needs an https BASE_URL"));
    }

    #[test]
    fn a_session_ends_after_twelve_hours_at_the_latest() {
        assert_eq!(config(&[("SESSION_MAX_AGE", "43200")]).sessions.max_age, 43_200);
        assert_eq!(config(&[("SESSION_MAX_AGE", "43201")]).sessions.max_age, 43_200);
        assert!(warnings(&[("SESSION_MAX_AGE", "43201")])[1].contains("capped at 43200 (12h)"));
        assert!(refused(&[("SESSION_MAX_AGE", "0")]).contains("at least 1"));
    }

    #[test]
    fn remembered_for_30_days_at_most() {
        for text in ["0", "-1", "2592001", "30d"] {
            assert!(
                refused(&[("SESSION_REMEMBER_ME_MAX_AGE", text)]).contains("from 1 to 2592000"),
                "{text}"
            );
        }
    }

    #[test]
    fn d35_what_the_chart_writes_is_read() {
        let chart = [("SESSION_REMEMBER_ME_MAX_AGE", "2.592e+06")];
        assert_eq!(config(&chart).sessions.remember_max_age, 2_592_000);
        assert_eq!(
            warnings(&chart),
            ["SESSION_REMEMBER_ME_MAX_AGE=2.592e+06 is read as 2592000; write it without an exponent"]
        );
    }

    #[test]
    fn weaker_than_the_default_warns() {
        for pair in
            [("SESSION_IDLE_TIMEOUT", "0"), ("SESSION_IDLE_TIMEOUT", "3600"), ("SESSION_FINGERPRINT", "0")]
        {
            assert_eq!(warnings(&[pair]).len(), 1, "{pair:?}");
        }
        assert!(refused(&[("SESSION_IDLE_TIMEOUT", "-1")]).contains("at least 0"));
    }

    #[test]
    fn a_published_secret_is_refused_in_production() {
        let secret = ("SESSION_SECRET", "session-secret-change-in-production");
        assert!(warnings(&[secret])[0].contains("counts as not set"));
        assert!(refused(&[secret, ("BASE_URL", "https://id.example.com")]).contains("SESSION_SECRET=***"));
        assert!(warnings(&[("SESSION_SECRET", "my own")]).is_empty());
    }
}
