//! Which pages of other origins may call the API from a browser (deviation D43).

use url::Url;

use super::parse::{self, Parsed};
use super::reader::Reader;
use super::reference::settings;

settings! { "Cross-origin requests";
    /// Answers other origins, never with credentials and never on pages.
    CORS_ENABLED = "false";
    /// Comma separated origins such as `https://app.example.com`, or `*` alone for all.
    CORS_ALLOWED_ORIGINS = "";
    /// Comma separated methods.
    CORS_ALLOWED_METHODS = "GET,POST,PUT,DELETE,OPTIONS";
    /// Comma separated request headers.
    CORS_ALLOWED_HEADERS = "Origin,Content-Type,Authorization";
    /// How long browsers may remember the answer to a preflight.
    CORS_MAX_AGE = "12h";
}

/// What other origins are told.
#[derive(Clone, Debug)]
pub struct Cors {
    /// Exact origins as a browser sends them, or `*` alone; none allows nobody.
    pub origins: Vec<String>,
    /// Methods in upper case.
    pub methods: Vec<String>,
    /// Request headers.
    pub headers: Vec<String>,
    /// `Access-Control-Max-Age` in seconds.
    pub max_age: i64,
}

pub(super) fn read(reader: &mut Reader<'_>) -> Option<Cors> {
    let enabled = reader.switch(CORS_ENABLED);
    // Read in any case: what is wrong shows now, not on the day it is switched on.
    let cors = Cors {
        origins: reader.optional(CORS_ALLOWED_ORIGINS, origins).unwrap_or_default(),
        methods: reader.value(CORS_ALLOWED_METHODS, methods),
        headers: reader.value(CORS_ALLOWED_HEADERS, headers),
        max_age: reader.seconds(CORS_MAX_AGE, 0..=i64::MAX),
    };
    if enabled && cors.origins.is_empty() && reader.sound(&[CORS_ALLOWED_ORIGINS]) {
        if reader.production {
            reader.problem(CORS_ALLOWED_ORIGINS, "must list origins when CORS_ENABLED is on");
        } else {
            reader.warn("CORS_ENABLED is on without CORS_ALLOWED_ORIGINS: no other origin is allowed");
        }
    }
    enabled.then_some(cors)
}

fn origins(text: &str) -> Parsed<Vec<String>> {
    let origins = parse::list(text);
    if origins.iter().any(|origin| origin == "*") {
        return if origins.len() == 1 {
            Ok(origins)
        } else {
            Err("must be * alone or a list without it".into())
        };
    }
    origins.iter().try_for_each(|origin| check_origin(origin)).map(|()| origins)
}

/// An origin must stand as a browser sends it, since it is compared as a string.
fn check_origin(origin: &str) -> Parsed<()> {
    let serialized = Url::parse(origin)
        .ok()
        .filter(|url| matches!(url.scheme(), "http" | "https") && !origin.contains('*'))
        .map(|url| url.origin().ascii_serialization());
    match serialized {
        Some(serialized) if serialized == origin => Ok(()),
        Some(serialized) => {
            Err(format!("must list {serialized} instead of {}", super::problem::shown(origin)))
        }
        None => {
            Err(format!("must list origins such as https://app.example.com, or * alone, unlike {origin:?}"))
        }
    }
}

fn methods(text: &str) -> Parsed<Vec<String>> {
    let methods = parse::list(text);
    let known = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"];
    if methods.is_empty() || !methods.iter().all(|method| known.contains(&method.as_str())) {
        return Err(format!("must list methods among {}", known.join(", ")));
    }
    Ok(methods)
}

fn headers(text: &str) -> Parsed<Vec<String>> {
    let headers = parse::list(text);
    let token =
        |header: &String| header.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte));
    if headers.is_empty() || !headers.iter().all(token) {
        return Err("must list header names".into());
    }
    Ok(headers)
}

#[cfg(test)]
mod tests {
    use super::super::tests::{config, refused, warnings};
    use super::Cors;

    const ON: (&str, &str) = ("CORS_ENABLED", "true");

    fn cors(origins: &str) -> Option<Cors> {
        config(&[ON, ("CORS_ALLOWED_ORIGINS", origins)]).cors
    }

    #[test]
    fn off_unless_enabled() {
        assert!(config(&[]).cors.is_none());
        assert!(config(&[("CORS_ALLOWED_ORIGINS", "*")]).cors.is_none());
    }

    #[test]
    fn defaults_are_the_references() {
        let cors = cors("https://app.example.com, http://localhost:6274").expect("it is on");
        assert_eq!(cors.origins, ["https://app.example.com", "http://localhost:6274"]);
        assert_eq!(cors.methods, ["GET", "POST", "PUT", "DELETE", "OPTIONS"]);
        assert_eq!(cors.headers, ["Origin", "Content-Type", "Authorization"]);
        assert_eq!(cors.max_age, 43_200);
    }

    #[test]
    fn a_star_stands_alone() {
        assert!(cors("*").is_some_and(|cors| cors.origins == ["*"]));
        assert!(refused(&[ON, ("CORS_ALLOWED_ORIGINS", "*,https://a.example")]).contains("* alone"));
    }

    #[test]
    fn d43_origins_are_exact() {
        for (origin, right) in [
            ("https://a.example/", "must list https://a.example instead"),
            ("https://A.example", "must list https://a.example instead"),
            ("https://a.example:443", "must list https://a.example instead"),
            ("https://joe:hunter2@a.example", "must list https://a.example instead"),
            ("null", "unlike \"null\""),
            ("a.example", "unlike"),
            ("https://*.example", "unlike"),
            ("ftp://a.example", "unlike"),
        ] {
            let problem = refused(&[("CORS_ALLOWED_ORIGINS", origin)]);
            assert!(problem.contains(right) && !problem.contains("hunter2"), "{problem}");
        }
    }

    #[test]
    fn without_origins_it_is_refused_in_production() {
        assert!(warnings(&[ON])[0].contains("no other origin is allowed"));
        assert!(config(&[ON]).cors.is_some_and(|cors| cors.origins.is_empty()));
        let problem = refused(&[ON, ("BASE_URL", "https://id.example.com")]);
        assert!(problem.contains("CORS_ALLOWED_ORIGINS is not set: must list origins"), "{problem}");
    }

    #[test]
    fn methods_and_headers_are_names() {
        for (name, value) in
            [("CORS_ALLOWED_METHODS", "get"), ("CORS_ALLOWED_METHODS", ","), ("CORS_ALLOWED_HEADERS", "a b")]
        {
            assert!(refused(&[(name, value)]).contains("must list"), "{name}={value}");
        }
    }
}
