//! What is done as the reference does it although it is unsafe. Every switch that is on warns at start.

use url::Host;

use super::Setting;
use super::parse::{self, Parsed};
use super::reader::Reader;
use super::reference::settings;

settings! { "Compatibility, unsafe";
    /// Clients created with `--secret-hash-file` may refresh and use the device flow without their secret.
    COMPAT_SECRETLESS_CLIENTS = "false";
    /// Public clients keep one refresh token instead of rotating it.
    COMPAT_FIXED_PUBLIC_REFRESH = "false";
    /// Any confidential client may introspect any access token.
    COMPAT_INTROSPECT_ANY = "false";
    /// Client credentials may name any resource, registered or not.
    COMPAT_M2M_ANY_RESOURCE = "false";
    /// Typing a user code approves the device without a confirmation page.
    COMPAT_DEVICE_ONE_STEP = "false";
    /// The issuer may be http in production.
    COMPAT_HTTP_ISSUER = "false";
    /// Consent is skipped for loopback and private-use redirects too, which any program on the machine can take.
    COMPAT_REMEMBER_NATIVE_CONSENT = "false";
    /// Comma separated hosts that redirect URIs may name with http.
    COMPAT_HTTP_REDIRECTS = "";
    /// Access tokens have no `aud` when neither a resource nor `JWT_AUDIENCE` applies, and are of `typ` `JWT`.
    COMPAT_NO_AUD = "false";
}

/// One field for each switch; all off by default.
#[derive(Clone, Debug, Default)]
#[expect(clippy::struct_excessive_bools, reason = "each is a switch of its own, and none excludes another")]
pub struct Compat {
    /// Imported confidential clients authenticate with nothing on refresh and device (D3, D9).
    pub secretless_clients: bool,
    /// Public clients do not rotate (D5).
    pub fixed_public_refresh: bool,
    /// Any confidential client introspects any access token (D21).
    pub introspect_any: bool,
    /// Client credentials may name any resource (D23).
    pub m2m_any_resource: bool,
    /// A typed user code approves at once (D34).
    pub device_one_step: bool,
    /// The issuer may be http in production (D35).
    pub http_issuer: bool,
    /// Consent may be skipped for loopback and private-use redirects.
    pub remember_native_consent: bool,
    /// Hosts that redirect URIs may name with http, in lower case (D27).
    pub http_redirects: Vec<String>,
    /// No `aud` without configuration (D29).
    pub no_aud: bool,
}

pub(super) fn read(reader: &mut Reader<'_>) -> Compat {
    let http_redirects = reader.optional(COMPAT_HTTP_REDIRECTS, hosts).unwrap_or_default();
    if !http_redirects.is_empty() {
        warn(reader, COMPAT_HTTP_REDIRECTS);
    }
    Compat {
        secretless_clients: switch(reader, COMPAT_SECRETLESS_CLIENTS),
        fixed_public_refresh: switch(reader, COMPAT_FIXED_PUBLIC_REFRESH),
        introspect_any: switch(reader, COMPAT_INTROSPECT_ANY),
        m2m_any_resource: switch(reader, COMPAT_M2M_ANY_RESOURCE),
        device_one_step: switch(reader, COMPAT_DEVICE_ONE_STEP),
        http_issuer: switch(reader, COMPAT_HTTP_ISSUER),
        remember_native_consent: switch(reader, COMPAT_REMEMBER_NATIVE_CONSENT),
        http_redirects,
        no_aud: switch(reader, COMPAT_NO_AUD),
    }
}

fn switch(reader: &mut Reader<'_>, setting: Setting) -> bool {
    let on = reader.switch(setting);
    if on {
        warn(reader, setting);
    }
    on
}

fn warn(reader: &mut Reader<'_>, setting: Setting) {
    let value = reader.text(setting).unwrap_or_default();
    reader.warn(format!("{}={value} is unsafe: {}", setting.name, setting.doc));
}

fn hosts(text: &str) -> Parsed<Vec<String>> {
    let host = |text: &String| {
        let host = Host::parse(text).ok()?.to_string();
        (!text.contains(['%', '*'])).then_some(host)
    };
    parse::list(text).iter().map(host).collect::<Option<_>>().ok_or_else(|| {
        "must list hosts such as legacy.example.com or 10.0.0.5, without scheme, port or path".into()
    })
}

#[cfg(test)]
mod tests {
    use super::super::tests::{config, refused, warnings};
    use super::SETTINGS;

    #[test]
    fn every_switch_is_off_and_warns_when_on() {
        for setting in SETTINGS.iter().filter(|setting| setting.default == "false") {
            let warned = warnings(&[(setting.name, "true")]);
            assert_eq!(warned, [format!("{}=true is unsafe: {}", setting.name, setting.doc)]);
            assert!(warnings(&[(setting.name, "false")]).is_empty());
            assert!(refused(&[(setting.name, "yes")]).contains("must be true or 1"));
        }
        let compat = config(&[]).compat;
        assert_eq!(format!("{compat:?}").matches("true").count(), 0);
    }

    #[test]
    fn each_switch_turns_its_own_field_on() {
        for setting in SETTINGS.iter().filter(|setting| setting.default == "false") {
            let field = setting.name.trim_start_matches("COMPAT_").to_ascii_lowercase();
            let compat = format!("{:?}", config(&[(setting.name, "1")]).compat);
            assert!(compat.contains(&format!("{field}: true")), "{compat}");
            assert_eq!(compat.matches("true").count(), 1, "{compat}");
        }
    }

    #[test]
    fn http_redirects_are_hosts() {
        let hosts = [("COMPAT_HTTP_REDIRECTS", "Legacy.example.com, 10.0.0.5,[fd00::1]")];
        assert_eq!(config(&hosts).compat.http_redirects, ["legacy.example.com", "10.0.0.5", "[fd00::1]"]);
        assert_eq!(warnings(&hosts).len(), 1);
        for text in
            ["http://a.example", "a.example:80", "a.example/x", "*", "a b", "joe@a.example", "%61.example"]
        {
            assert!(refused(&[("COMPAT_HTTP_REDIRECTS", text)]).contains("must list hosts"), "{text}");
        }
    }
}
