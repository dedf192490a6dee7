//! `/oauth/*`, as far as programs call it.

mod client_auth;
mod device_code;
mod introspect;
mod register;
mod revoke;
mod token;
mod token_client_credentials;
mod token_code;
mod token_device;
mod token_lifetimes;
mod token_refresh;
mod token_signatures;
mod tokeninfo;
mod userinfo;
