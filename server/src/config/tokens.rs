//! What goes into tokens and how long they live.

use authgate_core::extra_claims::{Limits, MAX_RAW_SIZE};

use super::parse::{self, Parsed, show_seconds};
use super::reader::{Reader, default};
use super::reference::settings;
use super::{Compat, Setting};

settings! { "Tokens";
    /// Lifetime of access tokens of the standard profile, and of id_tokens.
    JWT_EXPIRATION = "1h";
    /// At most this much is added to it at random, so that tokens do not all end together.
    JWT_EXPIRATION_JITTER = "0s";
    /// Longest access token that a profile may have.
    JWT_EXPIRATION_MAX = "24h";
    /// How long a refresh token of the standard profile may lie unused.
    REFRESH_TOKEN_EXPIRATION = "720h";
    /// Longest idle time that a profile may have, and how long a grant lives however often it is refreshed.
    REFRESH_TOKEN_EXPIRATION_MAX = "2160h";
    /// Lifetime of access tokens, profile `short`.
    TOKEN_PROFILE_SHORT_ACCESS_TTL = "15m";
    /// Idle time of refresh tokens, profile `short`.
    TOKEN_PROFILE_SHORT_REFRESH_TTL = "24h";
    /// Lifetime of access tokens, profile `standard`.
    TOKEN_PROFILE_STANDARD_ACCESS_TTL = "(JWT_EXPIRATION)";
    /// Idle time of refresh tokens, profile `standard`.
    TOKEN_PROFILE_STANDARD_REFRESH_TTL = "(REFRESH_TOKEN_EXPIRATION)";
    /// Lifetime of access tokens, profile `long`.
    TOKEN_PROFILE_LONG_ACCESS_TTL = "24h";
    /// Idle time of refresh tokens, profile `long`.
    TOKEN_PROFILE_LONG_REFRESH_TTL = "2160h";
    /// Lifetime of access tokens by client credentials.
    CLIENT_CREDENTIALS_TOKEN_EXPIRATION = "1h";
    /// Lifetime of authorization codes.
    AUTH_CODE_EXPIRATION = "60s";
    /// How long a refresh token may be sent again when its answer was lost, 0s to 2m; `0` is strict.
    REFRESH_RETRY_WINDOW = "60s";
    /// Issues refresh tokens; `false` refuses the grant.
    ENABLE_REFRESH_TOKENS = "true";
    /// Every refresh token works once; `false` lets confidential clients keep one. Public clients always rotate.
    ENABLE_TOKEN_ROTATION = "true";
    /// Comma separated `aud` of access tokens that no resource was asked for.
    JWT_AUDIENCE = "(the issuer)";
    /// Value of the claim `<prefix>_domain`: 1 to 64 letters, digits, `_`, `.`, `-`.
    JWT_DOMAIN = "";
    /// Prefix of the server's own claims: a letter, then at most 14 letters, digits or underscores.
    JWT_PRIVATE_CLAIM_PREFIX = "extra";
    /// Lets clients add claims to their access tokens by `extra_claims`, of the names they were registered with.
    EXTRA_CLAIMS_ENABLED = "false";
    /// Most bytes of `extra_claims`, at most 4096; `0` is 4096.
    EXTRA_CLAIMS_MAX_RAW_SIZE = "4096";
    /// Most claims in it; `0` is no limit.
    EXTRA_CLAIMS_MAX_KEYS = "16";
    /// Most bytes of one of its values; `0` is no limit.
    EXTRA_CLAIMS_MAX_VAL_SIZE = "512";
    /// `typ` of access tokens: `at+jwt` (RFC 9068) or `JWT` for resource servers that cannot.
    ACCESS_TOKEN_TYP = "at+jwt";
}

/// No upper bound but that of the type; the caps of the profiles are checked against each other.
const POSITIVE: std::ops::RangeInclusive<i64> = 1..=i64::MAX;

/// Tokens. Lifetimes are in seconds.
#[derive(Clone, Debug)]
pub struct Tokens {
    /// Lifetimes by profile.
    pub profiles: Profiles,
    /// Longest access token of any profile.
    pub access_max: i64,
    /// Longest idle time of any profile, and the absolute life of a family.
    pub refresh_max: i64,
    /// Upper bound (exclusive) of what is added to standard access tokens; less than `id_token`.
    pub jitter: i64,
    /// Authorization codes.
    pub code: i64,
    /// Access tokens of client credentials.
    pub client_credentials: i64,
    /// Id tokens.
    pub id_token: i64,
    /// How long a superseded refresh token still gets its answer again; 0 to 120.
    pub retry_window: i64,
    /// False issues no refresh tokens and refuses the grant.
    pub refresh_enabled: bool,
    /// False lets confidential clients keep a fixed refresh token.
    pub rotation: bool,
    /// `JWT_AUDIENCE` as set; see [`super::Config::default_audience`] for what holds when it is empty.
    pub audience: Vec<String>,
    /// Value of `<prefix>_domain`.
    pub domain: Option<String>,
    /// Prefix of the server's own claims.
    pub claim_prefix: String,
    /// Bounds of `extra_claims`; none switches it off.
    pub extra_claims: Option<Limits>,
    /// `at+jwt`, or `JWT`.
    pub typ: String,
}

/// Lifetimes that a client can have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Profiles {
    /// `short`.
    pub short: Lifetimes,
    /// `standard`, what a client has unless an administrator says otherwise.
    pub standard: Lifetimes,
    /// `long`.
    pub long: Lifetimes,
}

/// In seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lifetimes {
    /// Access tokens.
    pub access: i64,
    /// Idle time of refresh tokens.
    pub refresh: i64,
}

pub(super) fn read(reader: &mut Reader<'_>, compat: &Compat) -> Tokens {
    let id_token = reader.lifetime(JWT_EXPIRATION, POSITIVE);
    let refresh = reader.lifetime(REFRESH_TOKEN_EXPIRATION, POSITIVE);
    let access_max = reader.lifetime(JWT_EXPIRATION_MAX, POSITIVE);
    let refresh_max = reader.lifetime(REFRESH_TOKEN_EXPIRATION_MAX, POSITIVE);
    let jitter = reader.seconds(JWT_EXPIRATION_JITTER, 0..=i64::MAX);
    if reader.sound(&[JWT_EXPIRATION, JWT_EXPIRATION_JITTER]) && jitter >= id_token {
        let expected = format!("must be less than JWT_EXPIRATION ({})", show_seconds(id_token));
        reader.problem(JWT_EXPIRATION_JITTER, expected);
    }
    let access_cap = Cap { setting: JWT_EXPIRATION_MAX, seconds: access_max };
    let refresh_cap = Cap { setting: REFRESH_TOKEN_EXPIRATION_MAX, seconds: refresh_max };
    let profiles = Profiles {
        short: Lifetimes {
            access: access_cap.profile(reader, "short", TOKEN_PROFILE_SHORT_ACCESS_TTL),
            refresh: refresh_cap.profile(reader, "short", TOKEN_PROFILE_SHORT_REFRESH_TTL),
        },
        standard: Lifetimes {
            access: access_cap.standard(
                reader,
                TOKEN_PROFILE_STANDARD_ACCESS_TTL,
                (JWT_EXPIRATION, id_token),
            ),
            refresh: refresh_cap.standard(
                reader,
                TOKEN_PROFILE_STANDARD_REFRESH_TTL,
                (REFRESH_TOKEN_EXPIRATION, refresh),
            ),
        },
        long: Lifetimes {
            access: access_cap.profile(reader, "long", TOKEN_PROFILE_LONG_ACCESS_TTL),
            refresh: refresh_cap.profile(reader, "long", TOKEN_PROFILE_LONG_REFRESH_TTL),
        },
    };
    Tokens {
        profiles,
        access_max,
        refresh_max,
        jitter,
        code: reader.lifetime(AUTH_CODE_EXPIRATION, POSITIVE),
        client_credentials: reader.lifetime(CLIENT_CREDENTIALS_TOKEN_EXPIRATION, POSITIVE),
        id_token,
        // Two minutes: beyond that a stolen parent is worth more than a lost answer (design/refresh.md).
        retry_window: reader.lifetime(REFRESH_RETRY_WINDOW, 0..=120),
        refresh_enabled: reader.switch(ENABLE_REFRESH_TOKENS),
        rotation: reader.safeguard(ENABLE_TOKEN_ROTATION),
        audience: if reader.text(JWT_AUDIENCE).is_some() { reader.list(JWT_AUDIENCE) } else { Vec::new() },
        domain: reader.optional(JWT_DOMAIN, domain),
        claim_prefix: reader.value(JWT_PRIVATE_CLAIM_PREFIX, claim_prefix),
        extra_claims: extra_claims(reader),
        typ: typ(reader, compat),
    }
}

/// The longest lifetime of one kind, and the setting that says so.
#[derive(Clone, Copy)]
struct Cap {
    setting: Setting,
    seconds: i64,
}

impl Cap {
    fn profile(self, reader: &mut Reader<'_>, profile: &str, setting: Setting) -> i64 {
        let seconds = reader.lifetime(setting, POSITIVE);
        self.check(reader, profile, (setting, seconds));
        seconds
    }

    /// The lifetime by `setting`, or else the one that was read from the `inherited` setting.
    fn standard(self, reader: &mut Reader<'_>, setting: Setting, inherited: (Setting, i64)) -> i64 {
        let parse = |text: &str| parse::seconds(text, &POSITIVE);
        let own = reader.optional(setting, parse);
        if own.is_some_and(|own| own > default(inherited.0, parse)) {
            reader.warn(format!("{} is weaker than the default ({})", setting.name, inherited.0.default));
        }
        let (origin, seconds) = own.map_or(inherited, |own| (setting, own));
        self.check(reader, "standard", (origin, seconds));
        seconds
    }

    fn check(self, reader: &mut Reader<'_>, profile: &str, (setting, seconds): (Setting, i64)) {
        if reader.sound(&[setting, self.setting]) && seconds > self.seconds {
            let (name, cap) = (self.setting.name, show_seconds(self.seconds));
            reader.problem(setting, format!("token profile \"{profile}\" must not exceed {name} ({cap})"));
        }
    }
}

fn extra_claims(reader: &mut Reader<'_>) -> Option<Limits> {
    let mut bound = |setting, max: usize| {
        let max = i64::try_from(max).unwrap_or(i64::MAX);
        usize::try_from(reader.integer(setting, 0..=max)).unwrap_or(usize::MAX)
    };
    let limits = Limits {
        raw_size: bound(EXTRA_CLAIMS_MAX_RAW_SIZE, MAX_RAW_SIZE),
        keys: bound(EXTRA_CLAIMS_MAX_KEYS, MAX_RAW_SIZE),
        value_size: bound(EXTRA_CLAIMS_MAX_VAL_SIZE, MAX_RAW_SIZE),
    };
    reader.switch(EXTRA_CLAIMS_ENABLED).then_some(limits)
}

fn domain(text: &str) -> Parsed<String> {
    let ends = text.starts_with(|c: char| c.is_ascii_alphanumeric())
        && text.ends_with(|c: char| c.is_ascii_alphanumeric());
    let inside = text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_.-".contains(&byte));
    if ends && inside && text.len() <= 64 {
        return Ok(text.into());
    }
    Err("must be 1 to 64 letters, digits, underscores, dots and hyphens, with a letter or digit at both ends"
        .into())
}

/// The claims it makes end in `_domain`, `_project`, `_service_account` and `_uid`, as no registered claim does, so
/// a prefix of this form cannot collide.
fn claim_prefix(text: &str) -> Parsed<String> {
    let inside = text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    if text.len() <= 15
        && text.starts_with(|c: char| c.is_ascii_alphabetic())
        && inside
        && !text.ends_with('_')
    {
        return Ok(text.into());
    }
    Err("must be at most 15 letters, digits and underscores, begin with a letter and not end with an underscore".into())
}

fn typ(reader: &mut Reader<'_>, compat: &Compat) -> String {
    let typ =
        reader.value(ACCESS_TOKEN_TYP, |text| parse::word(text, &[("at+jwt", "at+jwt"), ("JWT", "JWT")]));
    if typ == "JWT" {
        reader.weaker(ACCESS_TOKEN_TYP);
    }
    // RFC 9068 2.2 requires `aud` under `at+jwt`.
    let typ = if compat.no_aud { "JWT" } else { typ };
    typ.to_owned()
}

#[cfg(test)]
mod tests {
    use super::super::tests::{config, refused, warnings};

    #[test]
    fn defaults() {
        let tokens = config(&[]).tokens;
        assert_eq!((tokens.profiles.short.access, tokens.profiles.short.refresh), (900, 86_400));
        assert_eq!((tokens.profiles.standard.access, tokens.profiles.standard.refresh), (3600, 2_592_000));
        assert_eq!((tokens.profiles.long.access, tokens.profiles.long.refresh), (86_400, 7_776_000));
        assert_eq!((tokens.access_max, tokens.refresh_max, tokens.jitter), (86_400, 7_776_000, 0));
        assert_eq!((tokens.code, tokens.client_credentials, tokens.id_token), (60, 3600, 3600));
        assert_eq!((tokens.retry_window, tokens.typ.as_str()), (60, "at+jwt"));
        assert_eq!((tokens.claim_prefix.as_str(), tokens.domain), ("extra", None));
        assert!(tokens.refresh_enabled && tokens.rotation && tokens.audience.is_empty());
    }

    #[test]
    fn the_standard_profile_inherits() {
        let standard =
            config(&[("JWT_EXPIRATION", "2h"), ("REFRESH_TOKEN_EXPIRATION", "24h")]).tokens.profiles.standard;
        assert_eq!((standard.access, standard.refresh), (7200, 86_400));
        let tokens = config(&[("JWT_EXPIRATION", "2h"), ("TOKEN_PROFILE_STANDARD_ACCESS_TTL", "30m")]).tokens;
        assert_eq!((tokens.profiles.standard.access, tokens.id_token), (1800, 7200));
    }

    #[test]
    fn lifetimes_are_positive() {
        for name in [
            "JWT_EXPIRATION",
            "JWT_EXPIRATION_MAX",
            "REFRESH_TOKEN_EXPIRATION",
            "REFRESH_TOKEN_EXPIRATION_MAX",
            "TOKEN_PROFILE_SHORT_ACCESS_TTL",
            "TOKEN_PROFILE_SHORT_REFRESH_TTL",
            "TOKEN_PROFILE_STANDARD_ACCESS_TTL",
            "TOKEN_PROFILE_STANDARD_REFRESH_TTL",
            "TOKEN_PROFILE_LONG_ACCESS_TTL",
            "TOKEN_PROFILE_LONG_REFRESH_TTL",
            "CLIENT_CREDENTIALS_TOKEN_EXPIRATION",
            "AUTH_CODE_EXPIRATION",
        ] {
            for value in ["0", "-1h", "10", "1d"] {
                let problem = refused(&[(name, value)]);
                assert!(
                    problem.contains(&format!("{name}={value}: must be a positive duration")),
                    "{problem}"
                );
                assert_eq!(problem.lines().count(), 2, "no problem follows from another: {problem}");
            }
        }
    }

    #[test]
    fn jitter_is_less_than_the_lifetime_and_not_negative() {
        assert_eq!(config(&[("JWT_EXPIRATION_JITTER", "30m")]).tokens.jitter, 1800);
        assert!(
            refused(&[("JWT_EXPIRATION_JITTER", "1h")]).contains("must be less than JWT_EXPIRATION (1h)")
        );
        assert!(refused(&[("JWT_EXPIRATION_JITTER", "-1s")]).contains("not negative"));
    }

    #[test]
    fn profiles_stay_below_the_caps() {
        assert_eq!(
            refused(&[("TOKEN_PROFILE_SHORT_ACCESS_TTL", "25h")]).lines().nth(1),
            Some(
                "  TOKEN_PROFILE_SHORT_ACCESS_TTL=25h: token profile \"short\" must not exceed JWT_EXPIRATION_MAX (24h)"
            )
        );
        let problem = refused(&[("JWT_EXPIRATION_MAX", "30m")]);
        assert!(problem.contains("JWT_EXPIRATION=1h (default): token profile \"standard\""), "{problem}");
        assert!(
            problem.contains("TOKEN_PROFILE_LONG_ACCESS_TTL=24h (default): token profile \"long\""),
            "{problem}"
        );
        let problem = refused(&[("TOKEN_PROFILE_STANDARD_REFRESH_TTL", "2161h")]);
        assert!(problem.contains("must not exceed REFRESH_TOKEN_EXPIRATION_MAX (2160h)"), "{problem}");
    }

    #[test]
    fn the_retry_window_is_at_most_two_minutes() {
        assert_eq!(config(&[("REFRESH_RETRY_WINDOW", "0")]).tokens.retry_window, 0);
        assert_eq!(config(&[("REFRESH_RETRY_WINDOW", "2m")]).tokens.retry_window, 120);
        assert!(refused(&[("REFRESH_RETRY_WINDOW", "121s")]).contains("from 0s to 2m"));
    }

    #[test]
    fn weaker_than_the_default_warns_once_each() {
        for (name, value) in [
            ("JWT_EXPIRATION", "10h"),
            ("AUTH_CODE_EXPIRATION", "10m"),
            ("CLIENT_CREDENTIALS_TOKEN_EXPIRATION", "2h"),
            ("TOKEN_PROFILE_STANDARD_ACCESS_TTL", "10h"),
            ("REFRESH_RETRY_WINDOW", "2m"),
            ("ENABLE_TOKEN_ROTATION", "false"),
            ("ACCESS_TOKEN_TYP", "JWT"),
        ] {
            let warned = warnings(&[(name, value)]);
            assert_eq!(warned.len(), 1, "{warned:?}");
            assert!(
                warned[0].starts_with(name) && warned[0].contains("weaker than the default"),
                "{warned:?}"
            );
        }
        assert!(warnings(&[("JWT_EXPIRATION", "5m"), ("ENABLE_REFRESH_TOKENS", "false")]).is_empty());
    }

    #[test]
    fn d29_the_default_audience_is_the_issuer() {
        assert_eq!(config(&[]).default_audience(), ["http://localhost:8080"]);
        assert_eq!(config(&[("JWT_AUDIENCE", "a, b")]).default_audience(), ["a", "b"]);
        let none = config(&[("COMPAT_NO_AUD", "true")]);
        assert!(none.default_audience().is_empty());
        assert_eq!(none.tokens.typ, "JWT");
    }

    #[test]
    fn domains_and_prefixes() {
        assert_eq!(config(&[("JWT_DOMAIN", "a.b-c_1")]).tokens.domain.as_deref(), Some("a.b-c_1"));
        for text in ["-a", "a.", "a b", "\u{e9}", &"a".repeat(65)] {
            assert!(refused(&[("JWT_DOMAIN", text)]).contains("1 to 64"), "{text}");
        }
        assert_eq!(config(&[("JWT_PRIVATE_CLAIM_PREFIX", "acme_1")]).tokens.claim_prefix, "acme_1");
        for text in ["1a", "_a", "a_", "a-b", "sixteen_letters_", "abcdefghijklmnop"] {
            assert!(refused(&[("JWT_PRIVATE_CLAIM_PREFIX", text)]).contains("at most 15"), "{text}");
        }
    }

    #[test]
    fn typ_is_one_of_two() {
        assert!(refused(&[("ACCESS_TOKEN_TYP", "jwt")]).contains("must be at+jwt or JWT"));
    }
}
