//! What an empty database starts with: one administrator and one client.

use crate::audit::Origin;
use crate::client::{self, ApplicationType, Client, ClientSpec, ClientType, Grant};
use crate::context::Context;
use crate::db::Tx;
use crate::error::Result;
use crate::policy::Policy;
use crate::scope::Scope;
use crate::user::{self, NewUser, Role, User};

/// User name of the first administrator.
pub const ADMIN: &str = "admin";
/// Name of the first client.
pub const CLIENT: &str = "AuthGate CLI";

/// True if there is no user yet.
pub fn wants_admin(tx: &mut Tx<'_>) -> Result<bool> {
    is_empty(tx, "SELECT id FROM users LIMIT 1")
}

/// True if there is no client yet.
pub fn wants_client(tx: &mut Tx<'_>) -> Result<bool> {
    is_empty(tx, "SELECT id FROM clients LIMIT 1")
}

fn is_empty(tx: &mut Tx<'_>, sql: &str) -> Result<bool> {
    let first: Option<(String,)> = tx.one(sql, &[])?;
    Ok(first.is_none())
}

/// Makes the first administrator.
pub fn admin(tx: &mut Tx<'_>, password_hash: String, origin: &Origin, ctx: &Context) -> Result<User> {
    let new = NewUser {
        username: ADMIN.into(),
        email: Some("admin@localhost".into()),
        full_name: Some("Administrator".into()),
        role: Role::Admin,
        password_hash: Some(password_hash),
    };
    user::create(tx, new, origin, ctx)
}

/// Makes the first client: public, for a command line program on a person's machine (deviations D30, D46).
pub fn cli_client(tx: &mut Tx<'_>, policy: &Policy, origin: &Origin, ctx: &Context) -> Result<Client> {
    let spec = ClientSpec {
        name: CLIENT.into(),
        description: Some("Default CLI client for authorization flow".into()),
        application_type: Some(ApplicationType::Native),
        grants: vec![Grant::AuthorizationCode, Grant::Device, Grant::Refresh],
        scopes: Scope::parse("openid profile email read write offline_access")?,
        redirect_uris: vec!["http://localhost:8888/callback".into(), "http://127.0.0.1:8088/callback".into()],
        pkce_required: Some(true),
        ..ClientSpec::new(ClientType::Public)
    };
    let (client, _) = client::create(tx, spec, "seed", policy, origin, ctx)?;
    Ok(client)
}

/// The client that was made at first start, if it is still there.
pub fn seeded_client(tx: &mut Tx<'_>) -> Result<Option<Client>> {
    tx.one(&format!("SELECT {} FROM clients WHERE origin = 'seed' ORDER BY id LIMIT 1", Client::COLUMNS), &[])
}
