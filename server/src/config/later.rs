//! Settings of the reference that this version does not have: harmless values pass, others get one line.

use super::reader::Reader;

const OFF: &[&str] = &["false", "0"];

/// Names with the values that ask for nothing. Settings that are not here are accepted silently: nobody would miss
/// what they tune.
const LATER: &[(&str, &[&str])] = &[
    ("CLIENT_CACHE_TYPE", &["memory"]),
    ("CLIENT_COUNT_CACHE_TYPE", &["memory"]),
    ("GITEA_OAUTH_ENABLED", OFF),
    ("GITHUB_OAUTH_ENABLED", OFF),
    ("GITLAB_OAUTH_ENABLED", OFF),
    ("HTTP_API_INSECURE_SKIP_VERIFY", OFF),
    ("METRICS_CACHE_TYPE", &["memory"]),
    ("MICROSOFT_OAUTH_ENABLED", OFF),
    ("OAUTH_INSECURE_SKIP_VERIFY", OFF),
    ("RATE_LIMIT_STORE", &["memory"]),
    ("TOKEN_CACHE_TYPE", &["memory"]),
    ("USER_CACHE_TYPE", &["memory"]),
];

pub(super) fn warn(reader: &mut Reader<'_>) {
    for (name, harmless) in LATER {
        if let Some(value) = reader.lookup(name)
            && !harmless.contains(&value.as_str())
        {
            reader.warn(format!("{name}={value} is not available in this version; ignored"));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::warnings;
    use super::LATER;

    #[test]
    fn what_would_be_missed_gets_a_line() {
        for (name, harmless) in LATER {
            assert_eq!(
                warnings(&[(name, "redis")]),
                [format!("{name}=redis is not available in this version; ignored")]
            );
            for value in *harmless {
                assert!(warnings(&[(name, value)]).is_empty(), "{name}={value}");
            }
        }
    }

    #[test]
    fn what_nobody_would_miss_is_silent() {
        for name in
            ["REDIS_DB", "USER_CACHE_TTL", "DB_LOG_LEVEL", "LOGIN_RATE_LIMIT_BURST", "DEVICE_CODE_EXPIRATION"]
        {
            assert!(warnings(&[(name, "7")]).is_empty(), "{name}");
        }
    }
}
