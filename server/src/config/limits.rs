//! Requests per minute.

use super::Setting;
use super::reader::Reader;
use super::reference::settings;

settings! { "Rate limits";
    /// Limits requests; the numbers below are per minute.
    ENABLE_RATE_LIMIT = "true";
    /// Logins from an address, and into an account.
    LOGIN_RATE_LIMIT = "5";
    /// Failed client authentications from an address, except at introspection.
    TOKEN_RATE_LIMIT = "20";
    /// Failed client authentications at the introspection endpoint from an address.
    INTROSPECT_RATE_LIMIT = "20";
    /// Requests that a client authenticates with its secret, except at introspection.
    TOKEN_CLIENT_RATE_LIMIT = "6000";
    /// Requests to the introspection endpoint that a client authenticates with its secret.
    INTROSPECT_CLIENT_RATE_LIMIT = "60000";
    /// Device flows that public clients start from an address.
    DEVICE_CODE_RATE_LIMIT = "10";
    /// User codes looked up from an address.
    DEVICE_VERIFY_RATE_LIMIT = "10";
    /// Clients that register themselves from an address.
    DYNAMIC_CLIENT_REGISTRATION_RATE_LIMIT = "5";
}

/// Requests per minute.
#[derive(Clone, Debug)]
pub struct Limits {
    /// False limits nothing.
    pub enabled: bool,
    /// `POST /login`.
    pub login: u32,
    /// `POST /oauth/token`.
    pub token: u32,
    /// `POST /oauth/introspect`.
    pub introspect: u32,
    /// Authenticated requests of a client.
    pub token_client: u32,
    /// Authenticated introspections of a client.
    pub introspect_client: u32,
    /// `POST /oauth/device/code` of public clients.
    pub device_code: u32,
    /// User codes.
    pub device_verify: u32,
    /// `POST /oauth/register`.
    pub register: u32,
}

pub(super) fn read(reader: &mut Reader<'_>) -> Limits {
    Limits {
        enabled: reader.safeguard(ENABLE_RATE_LIMIT),
        login: per_minute(reader, LOGIN_RATE_LIMIT),
        token: per_minute(reader, TOKEN_RATE_LIMIT),
        introspect: per_minute(reader, INTROSPECT_RATE_LIMIT),
        token_client: a_client(reader, TOKEN_CLIENT_RATE_LIMIT),
        introspect_client: a_client(reader, INTROSPECT_CLIENT_RATE_LIMIT),
        device_code: per_minute(reader, DEVICE_CODE_RATE_LIMIT),
        device_verify: per_minute(reader, DEVICE_VERIFY_RATE_LIMIT),
        register: per_minute(reader, DYNAMIC_CLIENT_REGISTRATION_RATE_LIMIT),
    }
}

/// Zero would lock everybody out; more than a million a minute is no limit.
fn per_minute(reader: &mut Reader<'_>, setting: Setting) -> u32 {
    u32::try_from(reader.limit(setting, 1..=1_000_000)).expect("at most a million")
}

/// A known client that uses the server a lot is no attacker: a larger number is not weaker, up to where it is no limit.
fn a_client(reader: &mut Reader<'_>, setting: Setting) -> u32 {
    u32::try_from(reader.integer(setting, 1..=1_000_000_000)).expect("at most a billion")
}

#[cfg(test)]
mod tests {
    use super::super::tests::{config, refused, warnings};

    #[test]
    fn defaults() {
        let limits = config(&[]).limits;
        assert!(limits.enabled);
        assert_eq!((limits.login, limits.token, limits.introspect, limits.device_verify), (5, 20, 20, 10));
        assert_eq!((limits.register, limits.device_code), (5, 10));
        assert_eq!((limits.token_client, limits.introspect_client), (6000, 60_000));
    }

    #[test]
    fn a_limit_is_at_least_one() {
        for name in [
            "LOGIN_RATE_LIMIT",
            "TOKEN_RATE_LIMIT",
            "INTROSPECT_RATE_LIMIT",
            "DEVICE_CODE_RATE_LIMIT",
            "DEVICE_VERIFY_RATE_LIMIT",
            "DYNAMIC_CLIENT_REGISTRATION_RATE_LIMIT",
        ] {
            for value in ["0", "-1", "1000001", "ten"] {
                assert!(refused(&[(name, value)]).contains("from 1 to 1000000"), "{name}={value}");
            }
        }
    }

    #[test]
    fn fewer_limits_warn() {
        assert_eq!(warnings(&[("ENABLE_RATE_LIMIT", "false"), ("LOGIN_RATE_LIMIT", "50")]).len(), 2);
        assert!(warnings(&[("LOGIN_RATE_LIMIT", "3"), ("TOKEN_CLIENT_RATE_LIMIT", "100000")]).is_empty());
        assert!(refused(&[("TOKEN_CLIENT_RATE_LIMIT", "0")]).contains("from 1 to"));
    }
}
