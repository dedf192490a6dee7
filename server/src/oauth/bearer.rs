//! The access token of a request (RFC 6750 2.1).

use actix_web::HttpRequest;
use actix_web::http::header::AUTHORIZATION;
use authgate_core::error::{Code, Error, Result};
use authgate_core::secret::Secret;

/// Where a token was, if there was one. Only the `Authorization` header counts; a token in the query is refused, since
/// addresses are logged and kept (deviation D38).
pub fn token(request: &HttpRequest) -> Result<Option<Secret>> {
    let in_query = form_urlencoded::parse(request.query_string().as_bytes());
    if in_query.into_iter().any(|(name, _)| name == "access_token") {
        let words = "send the access token in the Authorization header, never in the address";
        return Err(Error::refused(Code::InvalidRequest, words));
    }
    let Some(header) = authorization(request)? else { return Ok(None) };
    let Some((scheme, token)) = header.split_once(' ') else { return Ok(None) };
    let token = token.trim_matches(' ');
    Ok((scheme.eq_ignore_ascii_case("bearer") && !token.is_empty()).then(|| Secret::new(token)))
}

/// The `Authorization` header. Two of them, or one that is not visible ASCII, are refused: two readers could take
/// different halves of it.
pub fn authorization(request: &HttpRequest) -> Result<Option<&str>> {
    let mut headers = request.headers().get_all(AUTHORIZATION);
    let Some(header) = headers.next() else { return Ok(None) };
    let refused = |words| Err(Error::refused(Code::InvalidRequest, words));
    match (header.to_str(), headers.next()) {
        (_, Some(_)) => refused("more than one Authorization header"),
        (Err(_), _) => refused("the Authorization header is not visible ASCII"),
        (Ok(text), None) => Ok(Some(text)),
    }
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;

    use super::*;

    fn read(header: &str) -> Option<String> {
        let request = TestRequest::get().insert_header((AUTHORIZATION, header)).to_http_request();
        token(&request).unwrap().map(|token| token.expose().to_owned())
    }

    #[test]
    fn rfc9110_11_1_the_scheme_is_in_any_case() {
        for header in ["Bearer abc", "bearer abc", "BEARER  abc "] {
            assert_eq!(read(header).as_deref(), Some("abc"), "{header}");
        }
        for header in ["Basic abc", "Bearer", "Bearer ", "abc", ""] {
            assert_eq!(read(header), None, "{header}");
        }
    }

    #[test]
    fn d38_a_token_in_the_query_is_refused() {
        for query in ["access_token=abc", "x=1&access%5ftoken=abc", "access_token"] {
            let request = TestRequest::get()
                .uri(&format!("/oauth/userinfo?{query}"))
                .insert_header((AUTHORIZATION, "Bearer abc"))
                .to_http_request();
            assert_eq!(token(&request).unwrap_err().code(), Some(Code::InvalidRequest), "{query}");
        }
    }

    #[test]
    fn adv_38_two_headers_are_refused() {
        let request = TestRequest::get()
            .append_header((AUTHORIZATION, "Bearer a"))
            .append_header((AUTHORIZATION, "Bearer b"))
            .to_http_request();
        assert_eq!(token(&request).unwrap_err().code(), Some(Code::InvalidRequest));
    }
}
