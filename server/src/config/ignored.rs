//! Settings of the reference that change nothing here, each with the reason.

use super::parse;
use super::problem::{Problem, shown};
use super::reader::Reader;

/// Settings with one reason. Wherever a value asks for something that an operator would miss, `loud` has what asks for
/// nothing, and anything else gets a line at start.
pub struct Ignored {
    /// Their names.
    pub names: &'static [&'static str],
    loud: Option<&'static [&'static str]>,
    /// Why they change nothing.
    pub reason: &'static str,
}

const fn quiet(names: &'static [&'static str], reason: &'static str) -> Ignored {
    Ignored { names, loud: None, reason }
}

const fn loud(
    names: &'static [&'static str],
    harmless: &'static [&'static str],
    reason: &'static str,
) -> Ignored {
    Ignored { names, loud: Some(harmless), reason }
}

/// Certificates are always checked (deviation D35): whoever asks for the opposite must not believe to have it.
const REFUSED: [&str; 2] = ["HTTP_API_INSECURE_SKIP_VERIFY", "OAUTH_INSECURE_SKIP_VERIFY"];

const BACKENDS: &str = "sign-in is by this server's own accounts; other backends come in a later version";
const CACHES: &str = "rows are read where they are used, and there is no cache of them";

/// Every setting of the reference that is neither read nor refused.
pub const IGNORED: &[Ignored] = &[
    loud(
        &["GITEA_OAUTH_ENABLED", "GITHUB_OAUTH_ENABLED", "GITLAB_OAUTH_ENABLED", "MICROSOFT_OAUTH_ENABLED"],
        &["false", "0"],
        BACKENDS,
    ),
    quiet(
        &[
            "GITEA_CLIENT_ID",
            "GITEA_CLIENT_SECRET",
            "GITEA_REDIRECT_URL",
            "GITEA_SCOPES",
            "GITEA_URL",
            "GITHUB_CLIENT_ID",
            "GITHUB_CLIENT_SECRET",
            "GITHUB_REDIRECT_URL",
            "GITHUB_SCOPES",
            "GITLAB_CLIENT_ID",
            "GITLAB_CLIENT_SECRET",
            "GITLAB_REDIRECT_URL",
            "GITLAB_SCOPES",
            "GITLAB_URL",
            "HTTP_API_AUTH_HEADER",
            "HTTP_API_AUTH_MODE",
            "HTTP_API_AUTH_SECRET",
            "HTTP_API_MAX_RETRIES",
            "HTTP_API_MAX_RETRY_DELAY",
            "HTTP_API_RETRY_DELAY",
            "HTTP_API_TIMEOUT",
            "HTTP_API_URL",
            "MICROSOFT_CLIENT_ID",
            "MICROSOFT_CLIENT_SECRET",
            "MICROSOFT_REDIRECT_URL",
            "MICROSOFT_SCOPES",
            "MICROSOFT_TENANT_ID",
            "OAUTH_AUTO_REGISTER",
            "OAUTH_TIMEOUT",
        ],
        BACKENDS,
    ),
    loud(
        &["RATE_LIMIT_STORE"],
        &["memory"],
        "requests are counted in this process; a store for several servers comes with PostgreSQL",
    ),
    quiet(&["RATE_LIMIT_CLEANUP_INTERVAL"], "the counts of a window go when it ends"),
    quiet(
        &[
            "DEVICE_CODE_RATE_LIMIT_BURST",
            "DEVICE_VERIFY_RATE_LIMIT_BURST",
            "LOGIN_RATE_LIMIT_BURST",
            "TOKEN_RATE_LIMIT_BURST",
        ],
        "limits are per minute, and all of a minute's requests may come at once; the reference does not read them either",
    ),
    quiet(
        &["DEVICE_CODE_EXPIRATION", "POLLING_INTERVAL"],
        "30 minutes and 5 seconds; the reference does not read them either",
    ),
    quiet(
        &["ENABLE_SESSION_FINGERPRINTING"],
        "`SESSION_FINGERPRINT` is read; the reference does not read it either",
    ),
    loud(
        &[
            "CLIENT_CACHE_TYPE",
            "CLIENT_COUNT_CACHE_TYPE",
            "METRICS_CACHE_TYPE",
            "TOKEN_CACHE_TYPE",
            "USER_CACHE_TYPE",
        ],
        &["memory"],
        CACHES,
    ),
    quiet(
        &[
            "CACHE_CLOSE_TIMEOUT",
            "CACHE_INIT_TIMEOUT",
            "CLIENT_CACHE_CLIENT_TTL",
            "CLIENT_CACHE_SIZE_PER_CONN",
            "CLIENT_CACHE_TTL",
            "CLIENT_COUNT_CACHE_CLIENT_TTL",
            "CLIENT_COUNT_CACHE_SIZE_PER_CONN",
            "CLIENT_COUNT_CACHE_TTL",
            "METRICS_CACHE_CLIENT_TTL",
            "METRICS_CACHE_SIZE_PER_CONN",
            "TOKEN_CACHE_CLIENT_TTL",
            "TOKEN_CACHE_ENABLED",
            "TOKEN_CACHE_SIZE_PER_CONN",
            "TOKEN_CACHE_TTL",
            "USER_CACHE_CLIENT_TTL",
            "USER_CACHE_SIZE_PER_CONN",
            "USER_CACHE_TTL",
        ],
        CACHES,
    ),
    quiet(
        &["REDIS_ADDR", "REDIS_CLOSE_TIMEOUT", "REDIS_CONN_TIMEOUT", "REDIS_DB", "REDIS_PASSWORD"],
        "nothing needs Redis; it comes with PostgreSQL, for several servers",
    ),
    quiet(
        &["DB_CONN_MAX_IDLE_TIME", "DB_CONN_MAX_LIFETIME", "DB_MAX_IDLE_CONNS"],
        "connections to a file do not go stale",
    ),
    quiet(&["DB_LOG_LEVEL"], "statements are not logged, since their values are what the log must not have"),
];

pub(super) fn read(reader: &mut Reader<'_>) {
    for name in REFUSED {
        if let Some(value) = reader.lookup(name).filter(|value| parse::switch(value) != Ok(false)) {
            let expected = "must be false: certificates are always checked".to_owned();
            reader.refuse(Problem { name: name.to_owned(), value: Some(shown(&value)), expected });
        }
    }
    for Ignored { names, loud, reason } in IGNORED {
        let Some(harmless) = loud else { continue };
        for name in *names {
            if let Some(value) = reader.lookup(name).filter(|value| !harmless.contains(&value.as_str())) {
                reader.warn(format!("{name}={value} is ignored: {reason}"));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::super::reference;
    use super::super::tests::{refused, warnings};
    use super::{IGNORED, REFUSED};

    /// Section 7 of the contract.
    const CONTRACT: &str = include_str!("contract.txt");

    #[test]
    fn every_setting_of_the_contract_is_read_ignored_with_a_reason_or_refused() {
        let read: BTreeSet<_> = reference().iter().map(|setting| setting.name).collect();
        let ignored: Vec<_> = IGNORED.iter().flat_map(|ignored| ignored.names.iter().copied()).collect();
        let unread: BTreeSet<_> = ignored.iter().copied().chain(REFUSED).collect();
        assert_eq!(unread.len(), ignored.len() + REFUSED.len(), "each stands once");
        assert!(read.is_disjoint(&unread), "{:?}", read.intersection(&unread));
        let contract: BTreeSet<_> = CONTRACT.split_whitespace().collect();
        assert_eq!(contract.len(), 152);
        for name in &contract {
            assert!(read.contains(name) || unread.contains(name), "{name} is neither read nor ignored");
        }
        assert!(unread.is_subset(&contract));
    }

    #[test]
    fn what_would_be_missed_gets_a_line() {
        assert_eq!(
            warnings(&[
                ("GITHUB_OAUTH_ENABLED", "true"),
                ("RATE_LIMIT_STORE", "redis"),
                ("USER_CACHE_TYPE", "redis")
            ]),
            [
                "GITHUB_OAUTH_ENABLED=true is ignored: sign-in is by this server's own accounts; other backends come in \
                 a later version",
                "RATE_LIMIT_STORE=redis is ignored: requests are counted in this process; a store for several servers \
                 comes with PostgreSQL",
                "USER_CACHE_TYPE=redis is ignored: rows are read where they are used, and there is no cache of them",
            ]
        );
        assert!(warnings(&[("GITHUB_OAUTH_ENABLED", "false"), ("RATE_LIMIT_STORE", "memory")]).is_empty());
    }

    #[test]
    fn what_nobody_would_miss_is_silent() {
        for ignored in IGNORED.iter().filter(|ignored| ignored.loud.is_none()) {
            for name in ignored.names {
                assert!(warnings(&[(name, "7")]).is_empty(), "{name}");
            }
        }
    }

    #[test]
    fn d35_certificates_are_always_checked() {
        for name in REFUSED {
            assert!(refused(&[(name, "true")]).contains("must be false: certificates are always checked"));
            assert!(warnings(&[(name, "false")]).is_empty());
        }
    }
}
