//! What a person sees who starts the server: where it is, how to get in, what to try.

use std::io::Write as _;
use std::net::SocketAddr;
use std::path::Path;

use authgate_core::error::Result;
use authgate_core::seed;

use crate::app::App;

/// Prints it on stdout. There is no secret in it: the password stays in its file.
pub async fn print(app: &App, addr: SocketAddr, credentials: Option<&Path>) -> Result<()> {
    let client = app.read(seed::seeded_client).await?;
    let text =
        text(&app.config.server.issuer, addr, credentials, client.as_ref().map(|client| client.id.as_str()));
    // Nobody may be reading.
    let _ = std::io::stdout().write_all(text.as_bytes());
    Ok(())
}

fn text(issuer: &str, addr: SocketAddr, credentials: Option<&Path>, client_id: Option<&str>) -> String {
    let password = credentials.map_or_else(
        || "with the password you set".to_owned(),
        |path| format!("the password is in {}", path.display()),
    );
    let client = client_id.map_or_else(String::new, |client_id| {
        let name = seed::CLIENT;
        format!(
            "  Client   {client_id} ({name}, public)\n\n\
             Try the device flow:\n\n\
             \x20 curl {issuer}/oauth/device/code -d client_id={client_id} -d scope='openid profile'\n\n\
             then open the verification_uri_complete that it prints.\n"
        )
    });
    format!(
        "\nAuthgate is ready at {issuer} (listening on {addr}).\n\n\
         \x20 Sign in  {issuer}/login as {admin}; {password}\n{client}\n",
        admin = seed::ADMIN,
    )
}

#[cfg(test)]
mod tests {
    use super::text;

    #[test]
    fn it_says_where_and_how_but_no_password() {
        let addr = "127.0.0.1:8080".parse().unwrap();
        let file = std::path::Path::new("data/authgate-credentials.txt");
        let shown = text("http://localhost:8080", addr, Some(file), Some("client-1"));
        for expected in [
            "http://localhost:8080/login",
            "data/authgate-credentials.txt",
            "curl http://localhost:8080/oauth/device/code -d client_id=client-1 ",
        ] {
            assert!(shown.contains(expected), "{shown}");
        }
        assert!(text("http://localhost:8080", addr, None, None).contains("the password you set"));
    }
}
