//! Answers and their headers. What many operations share is described once, among the components.

use serde_json::json;
use utoipa::openapi::header::{Header, HeaderBuilder};
use utoipa::openapi::response::{Response, ResponseBuilder};
use utoipa::openapi::schema::{ObjectBuilder, Type};
use utoipa::openapi::{Content, Ref};

use super::operation::JSON;

const HTML: &str = "text/html";

/// Stands for the three headers of [`COUNTER`].
const COUNTED: &str = "counted";
/// Where the counter of the caller's address stands.
const COUNTER: [&str; 3] = ["X-RateLimit-Limit", "X-RateLimit-Remaining", "X-RateLimit-Reset"];

/// A refusal that several operations share.
#[derive(Clone, Copy)]
pub struct Refusal {
    /// Its name among the components.
    pub name: &'static str,
    /// Its status.
    pub status: u16,
    words: &'static str,
    body: Body,
    headers: &'static [&'static str],
}

#[derive(Clone, Copy)]
enum Body {
    Error,
    Page,
    Nothing,
}

macro_rules! refusals {
    ($($name:ident = $component:literal $status:literal $body:ident $headers:tt $words:literal;)+) => {
        $(
            #[doc = $words]
            pub const $name: Refusal = Refusal {
                name: $component, status: $status, words: $words, body: Body::$body, headers: &$headers,
            };
        )+
        /// All of them.
        pub const REFUSALS: &[Refusal] = &[$($name),+];
    };
}

refusals! {
    TARGET_TOO_LONG = "TargetTooLong" 414 Nothing []
        "Path and query are longer than 20 KiB.";
    HEADERS_TOO_LARGE = "HeadersTooLarge" 431 Nothing []
        "The headers are larger than 16 KiB.";

    INVALID_REQUEST = "InvalidRequest" 400 Error [COUNTED]
        "The request is malformed, or what it asks for cannot be had: `error` says which.";
    INVALID_CLIENT = "InvalidClient" 401 Error ["BasicChallenge", COUNTED]
        "The client is unknown or its authentication failed.";
    INVALID_TOKEN = "InvalidToken" 401 Error ["BearerChallenge"]
        "The token is missing, malformed, expired, revoked, or not for this endpoint.";
    NOT_SUPPORTED = "RegistrationNotSupported" 403 Error []
        "Clients cannot register themselves here.";
    TOO_SLOW = "TooSlow" 408 Error []
        "The body did not arrive in time.";
    TOO_LARGE = "TooLarge" 413 Error []
        "The body is larger than 64 KiB.";
    TOO_MANY_REQUESTS = "TooManyRequests" 429 Error ["Retry-After", COUNTED]
        "Too many requests in this window.";
    FAILED = "Failed" 500 Error []
        "Something broke here. The log has the cause, under the request id.";
    BUSY = "Busy" 503 Error ["Retry-After"]
        "The server is busy; the same request may succeed soon.";

    BROKEN_PAGE = "BrokenRequest" 400 Page []
        "A page that says what is wrong with the request.";
    FORBIDDEN_PAGE = "Forbidden" 403 Page []
        "The form is not from this browser's own page, or not for this person to send.";
    SLOW_PAGE = "TooSlowPage" 408 Page []
        "The form did not arrive in time.";
    LARGE_PAGE = "TooLargePage" 413 Page []
        "The form is larger than 64 KiB.";
    MANY_PAGE = "TooManyRequestsPage" 429 Page ["Retry-After", COUNTED]
        "Too many attempts in this window.";
    FAILED_PAGE = "FailedPage" 500 Page []
        "Something broke here. The page has the request id, under which the log has the cause.";
    BUSY_PAGE = "BusyPage" 503 Page ["Retry-After"]
        "The server is busy; the same request may succeed soon.";
}

impl Refusal {
    /// The answer.
    pub fn response(&self) -> Response {
        let answer = match self.body {
            Body::Error => json("Error", self.words),
            Body::Page => page(self.words),
            Body::Nothing => nothing(self.words),
        };
        let with = |answer, name: &&str| if *name == COUNTED { limited(answer) } else { with(answer, name) };
        self.headers.iter().fold(answer, with).build()
    }
}

/// JSON that nobody may store.
pub fn json(schema: &str, words: &str) -> ResponseBuilder {
    let content = Content::new(Some(Ref::from_schema_name(schema)));
    with(nothing(words).content(JSON, content), "NoStore")
}

/// JSON that anybody may store for an hour.
pub fn published(schema: &str, words: &str) -> ResponseBuilder {
    let content = Content::new(Some(Ref::from_schema_name(schema)));
    with(nothing(words).content(JSON, content), "ForAnHour")
}

/// A page that nobody may store.
pub fn page(words: &str) -> ResponseBuilder {
    with(nothing(words).content(HTML, text()), "NoStore")
}

/// A file that browsers may keep.
pub fn file(media_types: &[&str], words: &str) -> ResponseBuilder {
    let any = |answer: ResponseBuilder, media_type: &&str| answer.content(*media_type, Content::default());
    with(media_types.iter().fold(nothing(words), any), "Keep")
}

/// A file that nobody may store and browsers do not show.
pub fn download(media_types: &[&str], words: &str) -> ResponseBuilder {
    let any = |answer: ResponseBuilder, media_type: &&str| answer.content(*media_type, text());
    let file = media_types.iter().fold(nothing(words), any);
    with(with(file, "NoStore"), "Content-Disposition")
}

/// Text of a moment.
pub fn text_file(media_type: &str, words: &str) -> ResponseBuilder {
    nothing(words).content(media_type, text())
}

/// On to another URL.
pub fn redirect(words: &str) -> ResponseBuilder {
    with(with(nothing(words), "NoStore"), "Location")
}

/// A status says it all.
pub fn nothing(words: &str) -> ResponseBuilder {
    ResponseBuilder::new().description(words)
}

/// No such URL, in the caller's language.
pub fn not_found() -> ResponseBuilder {
    nothing("There is nothing here.").content("text/plain", text()).content(HTML, text())
}

/// Adds where the counter of the caller's address stands.
pub fn limited(answer: ResponseBuilder) -> ResponseBuilder {
    COUNTER.iter().fold(answer, |answer, name| with(answer, name))
}

/// Adds one of [`headers`].
pub fn with(answer: ResponseBuilder, component: &str) -> ResponseBuilder {
    let name = match component {
        "BasicChallenge" | "BearerChallenge" => "WWW-Authenticate",
        "NoStore" | "ForAnHour" | "Keep" => "Cache-Control",
        "SetCookie" => "Set-Cookie",
        name => name,
    };
    answer.header_ref(name, Ref::new(format!("#/components/headers/{component}")))
}

fn text() -> Content {
    Content::new(Some(ObjectBuilder::new().schema_type(Type::String)))
}

/// The headers of answers, by their names among the components.
pub fn headers() -> Vec<(&'static str, Header)> {
    let text = || ObjectBuilder::new().schema_type(Type::String);
    let number = || ObjectBuilder::new().schema_type(Type::Integer).minimum(Some(0));
    let header = |schema: ObjectBuilder, words: &str| {
        HeaderBuilder::new().schema(Some(schema)).description(Some(words)).build()
    };
    let only = |value: &str| text().enum_values(Some([json!(value)]));
    vec![
        (
            "BasicChallenge",
            header(text().pattern(Some("^Basic realm=")), "How a client authenticates (RFC 6749 5.2)."),
        ),
        (
            "BearerChallenge",
            header(text().pattern(Some("^Bearer realm=")), "What token is wanted (RFC 6750 3)."),
        ),
        ("NoStore", header(only("no-store"), "Nobody may store this answer.")),
        ("ForAnHour", header(only("public, max-age=3600"), "Anybody may store this answer for an hour.")),
        ("Keep", header(text(), "For how long browsers may keep the file; absent if they should not.")),
        ("Content-Disposition", header(text(), "The name of the file.")),
        ("Location", header(text(), "Where to go on.")),
        ("Retry-After", header(number(), "Seconds after which it is worth another try.")),
        (
            "SetCookie",
            header(text(), "The session, the request under way, or what this browser is known by."),
        ),
        (COUNTER[0], header(number(), "Requests that pass in a window, if limits are on.")),
        (COUNTER[1], header(number(), "How many of them are left to this address.")),
        (COUNTER[2], header(number(), "When the window ends, in unix seconds.")),
    ]
}
