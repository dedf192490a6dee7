//! What browsers open and post.

use super::answer::{self, BROKEN_PAGE, BUSY_PAGE, FAILED_PAGE, FORBIDDEN_PAGE, LARGE_PAGE, MANY_PAGE};
use super::answer::{Refusal, SLOW_PAGE};
use super::field::{Field, integer, list, one_of, text};
use super::operation::{Operation, get, post};
use super::security::{NONE, SESSION};

const OPEN: &[Refusal] = &[BROKEN_PAGE, FAILED_PAGE, BUSY_PAGE];
const SEND: &[Refusal] = &[BROKEN_PAGE, FORBIDDEN_PAGE, SLOW_PAGE, LARGE_PAGE, FAILED_PAGE, BUSY_PAGE];
/// Whoever is not signed in goes there first.
const SIGN_IN: &str = "To the login page, if nobody is signed in.";

/// All of them.
pub fn operations() -> Vec<Operation> {
    let mut all =
        vec![get("/", "home", "On to the account").answers(302, answer::redirect("To `/account/sessions`."))];
    all.extend(signing_in());
    all.extend(authorizing());
    all.extend(devices());
    all.extend(account());
    all.extend(files());
    all
}

fn signing_in() -> Vec<Operation> {
    let back = || text("redirect", "Where to go on: a path of this server.");
    let signed_in = answer::with(answer::redirect("Signed in: on to `redirect`."), "SetCookie");
    let out = || answer::with(answer::redirect("Signed out."), "SetCookie");
    vec![
        get("/login", "login", "The login page")
            .secured(&[NONE, SESSION])
            .query([
                back(),
                text("error", "Why somebody has to sign in again: `session_timeout` or `session_invalid`."),
                text("prompt", "`login` shows the page to who is signed in, too."),
            ])
            .answers(200, answer::page("The page."))
            .answers(302, answer::redirect("On to `redirect`, if somebody is signed in."))
            .refuses(OPEN),
        post("/login", "signIn", "Sign in")
            .form([
                text("username", "The account."),
                text("password", "Its password."),
                one_of("remember_me", &["1"], "Keeps the session when the browser is closed."),
                back(),
            ])
            .answers(303, signed_in)
            .answers(401, answer::page("The page again: username or password are wrong."))
            .refuses(SEND)
            .refuses(&[MANY_PAGE]),
        get("/logout", "logout", "Sign out, or ask whether to")
            .secured(&[NONE, SESSION])
            .answers(
                200,
                answer::page("The question, if something else than this server's own page led here."),
            )
            .answers(302, out())
            .refuses(&[FAILED_PAGE, BUSY_PAGE]),
        post("/logout", "signOut", "Sign out")
            .secured(&[NONE, SESSION])
            .form([back()])
            .answers(302, out())
            .refuses(SEND),
    ]
}

fn authorizing() -> Vec<Operation> {
    let first =
        "The consent page; or, with `response_mode=form_post`, the page that posts the answer to the client.";
    let back = "To the login page; or to the client's `redirect_uri`, with `code` or `error`.";
    let end_session = || {
        [
            text("id_token_hint", "An ID token of this server: who is to be signed out, of which client."),
            text("logout_hint", "Not used."),
            text("client_id", "The client that asks."),
            text("post_logout_redirect_uri", "One of the client's registered."),
            text("state", "Comes back with the redirect."),
            text("ui_locales", "Not used."),
        ]
    };
    let end = "OpenID Connect RP-Initiated Logout 1.0.";
    let asks = || answer::page("A question, or that nobody is signed in any more.");
    let form = [
        one_of("action", &["approve", "deny"], "The decision on the consent page; without it a new request."),
        text("interaction", "The request that is decided."),
        csrf_token(),
    ];
    vec![
        get("/oauth/authorize", "authorize", "Ask a person for access")
            .says(
                "RFC 6749 4.1.1, OpenID Connect Core 3.1.2. An error about the client or its `redirect_uri` is a page, \
                 every other goes to the client.",
            )
            .secured(&[NONE, SESSION])
            .query(authorization_request())
            .query([text("interaction", "A request that goes on after login; then nothing else is looked at.")])
            .answers(200, answer::with(answer::page(first), "SetCookie"))
            .answers(302, answer::with(answer::redirect(back), "SetCookie"))
            .refuses(OPEN),
        post("/oauth/authorize", "decide", "Ask by a form, or decide")
            .secured(&[NONE, SESSION])
            .form(authorization_request().into_iter().chain(form))
            .answers(200, answer::page(first))
            .answers(302, answer::redirect(back))
            .answers(303, answer::with(answer::redirect(back), "SetCookie"))
            .refuses(SEND),
        get("/oauth/logout", "endSession", "A client signs a person out")
            .says(end)
            .secured(&[NONE, SESSION])
            .query(end_session())
            .answers(200, asks())
            .answers(302, answer::redirect("To `post_logout_redirect_uri`."))
            .refuses(OPEN),
        post("/oauth/logout", "endSessionByPost", "A client signs a person out, or the person decides")
            .says(end)
            .secured(&[NONE, SESSION])
            .form(end_session().into_iter().chain([one_of("action", &["logout"], "The person's decision.")]))
            .answers(200, asks())
            .answers(303, answer::redirect("The same as a GET; or to `post_logout_redirect_uri`."))
            .refuses(SEND),
    ]
}

/// What a client asks with.
fn authorization_request() -> Vec<Field> {
    vec![
        text("client_id", "The client."),
        text("redirect_uri", "One of the client's registered, letter for letter."),
        text("response_type", "`code`."),
        text("response_mode", "`query` or `form_post`."),
        text("scope", "Names with spaces between."),
        text("state", "Comes back with the answer; at most 1,024 bytes."),
        text("nonce", "Comes back in the ID token; at most 1,024 bytes."),
        text("code_challenge", "RFC 7636 4.2: 43 to 128 unreserved characters."),
        text("code_challenge_method", "`S256`."),
        list("resource", "For which resources (RFC 8707)."),
        text("prompt", "`none`, `login`, `consent` or `select_account`."),
        integer("max_age", "Seconds since the person last signed in, at most."),
        text("login_hint", "What the login form is filled with."),
        text("id_token_hint", "Who is expected: an ID token of this server."),
        text("claims", "Single claims (OpenID Connect Core 5.5), as JSON."),
        text("acr_values", "How the person should sign in; there is one way."),
        text("display", "Not used."),
        text("ui_locales", "Not used."),
    ]
}

fn devices() -> Vec<Operation> {
    let code = || text("user_code", "The code that the device shows, in any spelling.");
    vec![
        get("/device", "device", "The page where a device's code is typed")
            .says("RFC 8628 3.3. With a code it is the page that asks whether to connect.")
            .secured(&[SESSION])
            .query([code()])
            .answers(200, answer::page("The page."))
            .answers(302, answer::redirect(SIGN_IN))
            .refuses(OPEN)
            .refuses(&[MANY_PAGE]),
        post("/device/verify", "verifyDevice", "Type a code, connect the device, or refuse it")
            .secured(&[SESSION])
            .form([
                code(),
                one_of("confirmed", &["true"], "Connects the device; without it the page asks first."),
                one_of("action", &["deny"], "Refuses the device."),
                csrf_token(),
            ])
            .answers(200, answer::page("What came of it, or the page again with what is wrong."))
            .answers(302, answer::redirect(SIGN_IN))
            .refuses(SEND)
            .refuses(&[MANY_PAGE]),
    ]
}

fn account() -> Vec<Operation> {
    let shown = |operation: Operation| {
        operation
            .secured(&[SESSION])
            .query([
                text("success", "`revoked` says that it is done."),
                text("error", "`not_found` says that there was nothing to end."),
            ])
            .answers(200, answer::page("The page."))
            .answers(302, answer::redirect(SIGN_IN))
            .refuses(OPEN)
    };
    let ends = |operation: Operation| {
        operation
            .secured(&[SESSION])
            .form([csrf_token()])
            .answers(302, answer::redirect("Back to the page with what came of it; or to the login page."))
            .refuses(SEND)
    };
    let one = "Which one, of the person's own.";
    vec![
        shown(get("/account/sessions", "sessions", "Browsers and applications with access")),
        ends(post("/account/sessions/{id}/revoke", "endSessionOf", "End one")).named("id", one),
        ends(post("/account/sessions/revoke-all", "endAllSessions", "End them all and sign out")),
        shown(get("/account/authorizations", "authorizations", "What applications were allowed")),
        ends(post("/account/authorizations/{id}/revoke", "revokeAuthorization", "Withdraw one"))
            .named("id", one),
    ]
}

/// Stands in the page whose form it is.
fn csrf_token() -> Field {
    text("csrf_token", "From the page that has the form.")
}

fn files() -> Vec<Operation> {
    vec![
        get("/favicon.ico", "favicon", "The icon").answers(200, answer::file(&["image/x-icon"], "The icon.")),
        get("/static/{file}", "static", "Style, script and icons of the pages")
            .named("file", "Its path, which may have slashes.")
            .answers(
                200,
                answer::file(&["text/css", "text/javascript", "image/svg+xml", "image/x-icon"], "The file."),
            )
            .answers(404, answer::not_found()),
    ]
}
