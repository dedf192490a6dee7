//! From what the operator configured to what the rules read.

use authgate_core::policy::{Compat, Lifetimes, Policy};

use crate::config::{self, Config};

/// The policy of a configuration.
pub fn of(config: &Config) -> Policy {
    let tokens = &config.tokens;
    let mut userinfo_audience = vec![config.server.issuer.clone()];
    userinfo_audience.extend(tokens.audience.iter().filter(|aud| **aud != config.server.issuer).cloned());
    Policy {
        issuer: config.server.issuer.clone(),
        short: lifetimes(tokens.profiles.short),
        standard: lifetimes(tokens.profiles.standard),
        long: lifetimes(tokens.profiles.long),
        refresh_max: tokens.refresh_max,
        jitter: tokens.jitter,
        code: tokens.code,
        client_credentials: tokens.client_credentials,
        id_token: tokens.id_token,
        retry_window: tokens.retry_window,
        refresh_enabled: tokens.refresh_enabled,
        rotation: tokens.rotation,
        default_audience: config.default_audience(),
        userinfo_audience,
        domain: tokens.domain.clone(),
        claim_prefix: tokens.claim_prefix.clone(),
        extra_claims: tokens.extra_claims,
        access_typ: tokens.typ.clone(),
        key_rotation: config.keys.rotation,
        pkce_required: config.oauth.pkce_required,
        consent_remember: config.oauth.consent_remember,
        consent_max_age: config.oauth.consent_max_age,
        scopes: config.scopes.iter().map(|(name, scope)| (name.clone(), scope.words.clone())).collect(),
        scope_roles: config
            .scopes
            .iter()
            .filter(|(_, scope)| !scope.roles.is_empty())
            .map(|(name, scope)| (name.clone(), scope.roles.clone()))
            .collect(),
        closed_resources: config
            .resources
            .values()
            .filter(|entry| !entry.self_registered)
            .map(|entry| entry.resource.clone())
            .collect(),
        resources: config.resources.values().map(|entry| entry.resource.clone()).collect(),
        redirect_schemes: config.oauth.redirect_schemes.clone(),
        registration: config.registration.rules.clone(),
        compat: compat(&config.compat),
    }
}

fn lifetimes(configured: config::Lifetimes) -> Lifetimes {
    Lifetimes { access: configured.access, refresh: configured.refresh }
}

fn compat(configured: &config::Compat) -> Compat {
    Compat {
        secretless_clients: configured.secretless_clients,
        fixed_public_refresh: configured.fixed_public_refresh,
        introspect_any: configured.introspect_any,
        m2m_any_resource: configured.m2m_any_resource,
        device_one_step: configured.device_one_step,
        remember_native_consent: configured.remember_native_consent,
        http_redirects: configured.http_redirects.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::tests::{Scratch, config};

    fn lifetimes_of(lifetimes: Lifetimes) -> (i64, i64) {
        (lifetimes.access, lifetimes.refresh)
    }

    #[test]
    fn every_setting_arrives() {
        let file = Scratch::new(
            "policy",
            "[scopes]\nadmin = { roles = [\"admin\"] }\n[resources]\napi = \"https://Api.example.com/\"\n",
        );
        let config = config(&[
            ("CONFIG_FILE", file.path()),
            ("BASE_URL", "https://id.example.com/auth/"),
            ("TOKEN_PROFILE_SHORT_ACCESS_TTL", "1s"),
            ("TOKEN_PROFILE_SHORT_REFRESH_TTL", "2s"),
            ("TOKEN_PROFILE_STANDARD_ACCESS_TTL", "3s"),
            ("TOKEN_PROFILE_STANDARD_REFRESH_TTL", "4s"),
            ("TOKEN_PROFILE_LONG_ACCESS_TTL", "5s"),
            ("TOKEN_PROFILE_LONG_REFRESH_TTL", "6s"),
            ("REFRESH_TOKEN_EXPIRATION_MAX", "721h"),
            ("JWT_EXPIRATION", "10s"),
            ("JWT_EXPIRATION_JITTER", "9s"),
            ("AUTH_CODE_EXPIRATION", "8s"),
            ("CLIENT_CREDENTIALS_TOKEN_EXPIRATION", "7s"),
            ("REFRESH_RETRY_WINDOW", "11s"),
            ("ENABLE_REFRESH_TOKENS", "false"),
            ("ENABLE_TOKEN_ROTATION", "false"),
            ("JWT_AUDIENCE", "api,https://id.example.com/auth"),
            ("JWT_DOMAIN", "example.com"),
            ("JWT_PRIVATE_CLAIM_PREFIX", "acme"),
            ("EXTRA_CLAIMS_ENABLED", "true"),
            ("EXTRA_CLAIMS_MAX_RAW_SIZE", "13"),
            ("EXTRA_CLAIMS_MAX_KEYS", "14"),
            ("EXTRA_CLAIMS_MAX_VAL_SIZE", "0"),
            ("ACCESS_TOKEN_TYP", "JWT"),
            ("KEY_ROTATION_INTERVAL", "3h"),
            ("PKCE_REQUIRED", "false"),
            ("CONSENT_REMEMBER", "false"),
            ("CONSENT_MAX_AGE", "12s"),
            ("REDIRECT_SCHEMES_ALLOWED", "myapp"),
            ("ENABLE_DYNAMIC_CLIENT_REGISTRATION", "true"),
            ("COMPAT_HTTP_REDIRECTS", "legacy.example.com"),
        ]);
        // By name, so that a field which is added is missed here.
        let Policy {
            issuer,
            short,
            standard,
            long,
            refresh_max,
            jitter,
            code,
            client_credentials,
            id_token,
            retry_window,
            refresh_enabled,
            rotation,
            default_audience,
            userinfo_audience,
            domain,
            claim_prefix,
            extra_claims,
            access_typ,
            key_rotation,
            pkce_required,
            consent_remember,
            consent_max_age,
            scopes,
            scope_roles,
            closed_resources,
            resources,
            redirect_schemes,
            registration,
            compat,
        } = of(&config);
        assert_eq!(issuer, "https://id.example.com/auth");
        assert_eq!([short, standard, long].map(lifetimes_of), [(1, 2), (3, 4), (5, 6)]);
        assert_eq!((refresh_max, jitter, code, client_credentials), (721 * 3600, 9, 8, 7));
        assert_eq!((id_token, retry_window, consent_max_age, key_rotation), (10, 11, 12, 10_800));
        assert!(!refresh_enabled && !rotation && !pkce_required && !consent_remember);
        assert_eq!(default_audience, ["api", "https://id.example.com/auth"]);
        assert_eq!(userinfo_audience, ["https://id.example.com/auth", "api"]);
        assert_eq!((domain.as_deref(), claim_prefix.as_str()), (Some("example.com"), "acme"));
        assert!(registration.enabled && registration.scopes.has("openid"));
        let limits = extra_claims.unwrap();
        assert_eq!((limits.raw_size, limits.keys, limits.value_size), (13, 14, 0));
        assert_eq!(access_typ, "JWT");
        assert_eq!(scopes["openid"], "Verify your identity");
        assert_eq!(scope_roles, [("admin".to_owned(), vec![authgate_core::user::Role::Admin])].into());
        assert!(closed_resources.has(resources.iter().next().unwrap()));
        assert_eq!(
            resources.iter().next().map(authgate_core::resource::Resource::as_str),
            Some("https://Api.example.com/")
        );
        assert_eq!(
            (redirect_schemes.as_slice(), compat.http_redirects.as_slice()),
            (["myapp".to_owned()].as_slice(), ["legacy.example.com".to_owned()].as_slice())
        );
    }

    #[test]
    fn each_compatibility_switch_arrives_alone() {
        for name in [
            "COMPAT_SECRETLESS_CLIENTS",
            "COMPAT_FIXED_PUBLIC_REFRESH",
            "COMPAT_INTROSPECT_ANY",
            "COMPAT_M2M_ANY_RESOURCE",
            "COMPAT_DEVICE_ONE_STEP",
            "COMPAT_REMEMBER_NATIVE_CONSENT",
        ] {
            let shown = format!("{:?}", of(&config(&[(name, "true")])).compat);
            let field = name.trim_start_matches("COMPAT_").to_ascii_lowercase();
            assert!(
                shown.contains(&format!("{field}: true")) && shown.matches("true").count() == 1,
                "{shown}"
            );
        }
    }

    #[test]
    fn d29_no_audience_only_with_the_compatibility_switch() {
        assert_eq!(of(&config(&[])).default_audience, ["http://localhost:8080"]);
        let policy = of(&config(&[("COMPAT_NO_AUD", "true")]));
        assert!(policy.default_audience.is_empty() && policy.access_typ == "JWT");
    }
}
