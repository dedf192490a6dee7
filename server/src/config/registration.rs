//! Clients that register themselves (RFC 7591, deviation D25).

use std::collections::BTreeMap;

use authgate_core::registration::{Mode, Rules, UNDECIDED};
use authgate_core::secret::Secret;

use super::ScopeEntry;
use super::parse;
use super::reader::Reader;
use super::reference::settings;

settings! { "Dynamic client registration";
    /// Lets clients register themselves at `/oauth/register`.
    ENABLE_DYNAMIC_CLIENT_REGISTRATION = "false";
    /// What makes them usable: `approval` by an administrator, the `token` below, or nothing (`open`).
    DYNAMIC_CLIENT_REGISTRATION_MODE = "(approval, or token if there is one)";
    /// Initial access token that every registration must then carry, in every mode but `open`.
    DYNAMIC_CLIENT_REGISTRATION_TOKEN = "", secret;
    /// File with that token.
    DYNAMIC_CLIENT_REGISTRATION_TOKEN_FILE = "";
    /// The most such clients may ask for, separated by commas or spaces.
    DCR_SCOPES = "(the scopes marked self_registered)";
    /// Clients from one address or IPv6 /64 that nobody approved or used; behind a proxy all callers have its address.
    DCR_MAX_PER_ADDRESS = "20";
    /// Clients in all that nobody approved.
    DCR_MAX_CLIENTS = "10000";
    /// In mode open, a client that was never used is removed after this time, at most 720h; in the other modes after 720h.
    DCR_UNUSED_AFTER = "24h";
}

/// Shorter tokens can be guessed, a few each minute from each address.
const MIN_TOKEN: usize = 16;

/// Clients that register themselves.
#[derive(Clone, Debug)]
pub struct Registration {
    /// Every registration must carry it, if there is one.
    pub token: Option<Secret>,
    /// What holds for them.
    pub rules: Rules,
}

pub(super) fn read(reader: &mut Reader<'_>, known: &BTreeMap<String, ScopeEntry>) -> Registration {
    let enabled = reader.switch(ENABLE_DYNAMIC_CLIENT_REGISTRATION);
    let token = reader.secret(DYNAMIC_CLIENT_REGISTRATION_TOKEN, DYNAMIC_CLIENT_REGISTRATION_TOKEN_FILE);
    let token = token.map(|token| Secret::new(token.expose().trim()));
    if token.as_ref().is_some_and(|token| token.expose().len() < MIN_TOKEN) {
        reader.warn(format!(
            "DYNAMIC_CLIENT_REGISTRATION_TOKEN is shorter than {MIN_TOKEN} bytes and can be guessed"
        ));
    }
    let mode = mode(reader, token.is_some());
    if enabled && mode == Mode::Open && reader.production {
        reader.warn("DYNAMIC_CLIENT_REGISTRATION_MODE=open lets anybody register a client");
    }
    Registration {
        token,
        rules: Rules {
            enabled,
            mode,
            scopes: scopes(reader, known).into_iter().collect(),
            max_per_address: reader.limit(DCR_MAX_PER_ADDRESS, 1..=1_000_000),
            max_clients: reader.limit(DCR_MAX_CLIENTS, 1..=1_000_000),
            unused_after: reader.lifetime(DCR_UNUSED_AFTER, 1..=UNDECIDED),
        },
    }
}

fn mode(reader: &mut Reader<'_>, has_token: bool) -> Mode {
    let modes = [("approval", Mode::Approval), ("token", Mode::Token), ("open", Mode::Open)];
    let derived = if has_token { Mode::Token } else { Mode::Approval };
    let mode = reader
        .optional(DYNAMIC_CLIENT_REGISTRATION_MODE, |text| parse::word(text, &modes))
        .unwrap_or(derived);
    match mode {
        Mode::Token if !has_token => {
            let needs = "needs DYNAMIC_CLIENT_REGISTRATION_TOKEN";
            reader.problem(DYNAMIC_CLIENT_REGISTRATION_MODE, needs);
        }
        Mode::Open if has_token => {
            let excludes = "asks for no token: unset DYNAMIC_CLIENT_REGISTRATION_TOKEN, or choose token";
            reader.problem(DYNAMIC_CLIENT_REGISTRATION_MODE, excludes);
        }
        _ => {}
    }
    mode
}

fn scopes(reader: &mut Reader<'_>, known: &BTreeMap<String, ScopeEntry>) -> Vec<String> {
    let Some(text) = reader.text(DCR_SCOPES) else {
        let own = known.iter().filter(|(_, scope)| scope.self_registered);
        return own.map(|(name, _)| name.clone()).collect();
    };
    let names: Vec<String> =
        text.split([',', ' ']).filter(|name| !name.is_empty()).map(str::to_owned).collect();
    if names.is_empty() || names.iter().any(|name| !known.contains_key(name)) {
        let known: Vec<_> = known.keys().map(String::as_str).collect();
        reader.problem(DCR_SCOPES, format!("must list scopes that are known: {}", known.join(", ")));
    }
    names
}

#[cfg(test)]
mod tests {
    use authgate_core::registration::{Mode, Rules};

    use super::super::tests::{Scratch, config, refused, warnings};

    const ON: (&str, &str) = ("ENABLE_DYNAMIC_CLIENT_REGISTRATION", "true");
    const MODE: &str = "DYNAMIC_CLIENT_REGISTRATION_MODE";
    const TOKEN: (&str, &str) = ("DYNAMIC_CLIENT_REGISTRATION_TOKEN", "0123456789abcdef");

    fn rules(pairs: &[(&str, &str)]) -> Rules {
        config(pairs).registration.rules
    }

    #[test]
    fn d25_off_and_by_approval_unless_somebody_says() {
        let rules = rules(&[]);
        assert!(!rules.enabled && rules.mode == Mode::Approval);
        assert_eq!(rules.scopes.to_string(), "email offline_access openid profile");
        assert_eq!((rules.max_per_address, rules.max_clients, rules.unused_after), (20, 10_000, 86_400));
    }

    #[test]
    fn d25_a_token_makes_the_mode_token() {
        assert_eq!(rules(&[ON, TOKEN]).mode, Mode::Token);
        assert_eq!(rules(&[ON, TOKEN, (MODE, "approval")]).mode, Mode::Approval);
        assert_eq!(rules(&[ON, (MODE, "open")]).mode, Mode::Open);
        let token = config(&[TOKEN]).registration.token.unwrap();
        assert_eq!(token.expose(), TOKEN.1);
        let file = Scratch::new("token", "fedcba9876543210\n");
        let config = config(&[("DYNAMIC_CLIENT_REGISTRATION_TOKEN_FILE", file.path())]);
        assert_eq!(config.registration.token.unwrap().expose(), "fedcba9876543210");
    }

    #[test]
    fn modes_and_tokens_that_contradict_each_other() {
        assert!(refused(&[(MODE, "token")]).contains("needs DYNAMIC_CLIENT_REGISTRATION_TOKEN"));
        assert!(refused(&[(MODE, "open"), TOKEN]).contains("asks for no token"));
        assert!(refused(&[(MODE, "closed")]).contains("must be approval or token or open"));
    }

    #[test]
    fn what_weakens_warns() {
        let production = ("BASE_URL", "https://id.example.com");
        assert!(warnings(&[ON, (MODE, "open"), production])[0].contains("anybody"));
        assert!(warnings(&[ON, (MODE, "open")]).is_empty() && warnings(&[ON, production]).is_empty());
        assert!(warnings(&[(TOKEN.0, "short")])[0].contains("can be guessed"));
        assert_eq!(warnings(&[("DCR_MAX_PER_ADDRESS", "21"), ("DCR_MAX_CLIENTS", "10001")]).len(), 2);
        assert_eq!(warnings(&[("DCR_UNUSED_AFTER", "25h")]).len(), 1);
        assert!(refused(&[("DCR_UNUSED_AFTER", "721h")]).contains("to 720h"));
    }

    #[test]
    fn scopes_are_known_ones() {
        let file = Scratch::new("scopes", "[scopes]\nfiles = { words = \"x\", self_registered = true }\n");
        let scopes = |pairs: &[(&str, &str)]| rules(pairs).scopes.to_string();
        let marked = scopes(&[("CONFIG_FILE", file.path())]);
        assert_eq!(marked, "email files offline_access openid profile");
        assert_eq!(scopes(&[("DCR_SCOPES", "openid, read  write")]), "openid read write");
        assert!(refused(&[("DCR_SCOPES", "openid files")]).contains("scopes that are known: address, admin"));
        assert!(refused(&[("DCR_SCOPES", ",")]).contains("scopes that are known"));
    }
}
