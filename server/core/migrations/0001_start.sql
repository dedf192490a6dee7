-- Everything the contract and the design pages need. TEXT and BIGINT only: unix seconds, 0/1, time-ordered ids,
-- hashes in base64url, JSON as text. Ids grow with time and indices are few: both are what an insert costs.

CREATE TABLE settings (
    name TEXT PRIMARY KEY,
    value TEXT NOT NULL,
    updated_at BIGINT NOT NULL
);

CREATE TABLE signing_keys (
    kid TEXT PRIMARY KEY,
    purpose TEXT NOT NULL,
    algorithm TEXT NOT NULL,
    state TEXT NOT NULL,
    wrapped TEXT NOT NULL,
    public_jwk TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    activated_at BIGINT,
    retired_at BIGINT,
    removed_at BIGINT
);

CREATE TABLE users (
    id TEXT PRIMARY KEY,
    username TEXT NOT NULL,
    username_key TEXT NOT NULL,
    email TEXT,
    email_key TEXT,
    email_verified BIGINT NOT NULL,
    password_hash TEXT,
    role TEXT NOT NULL,
    full_name TEXT,
    avatar_url TEXT,
    claims TEXT NOT NULL,
    status TEXT NOT NULL,
    auth_source TEXT NOT NULL,
    external_id TEXT,
    epoch BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL
);
CREATE UNIQUE INDEX users_username ON users (username_key);
CREATE UNIQUE INDEX users_email ON users (email_key);
CREATE INDEX users_external ON users (auth_source, external_id);

CREATE TABLE connections (
    id TEXT PRIMARY KEY,
    user_id TEXT NOT NULL,
    provider TEXT NOT NULL,
    realm TEXT NOT NULL,
    subject TEXT NOT NULL,
    username TEXT,
    email TEXT,
    avatar_url TEXT,
    tokens TEXT,
    last_used_at BIGINT,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL
);
CREATE UNIQUE INDEX connections_subject ON connections (provider, realm, subject);
CREATE INDEX connections_user ON connections (user_id);

CREATE TABLE clients (
    id TEXT PRIMARY KEY,
    name TEXT NOT NULL,
    description TEXT,
    uri TEXT,
    owner_id TEXT,
    created_by TEXT,
    origin TEXT NOT NULL,
    client_type TEXT NOT NULL,
    application_type TEXT NOT NULL,
    auth_method TEXT NOT NULL,
    status TEXT NOT NULL,
    grants TEXT NOT NULL,
    scopes TEXT NOT NULL,
    redirect_uris TEXT NOT NULL,
    post_logout_redirect_uris TEXT NOT NULL,
    backchannel_logout_uri TEXT,
    backchannel_logout_session BIGINT NOT NULL,
    resources TEXT NOT NULL,
    audiences TEXT NOT NULL,
    extra_claims TEXT NOT NULL,
    token_profile TEXT NOT NULL,
    pkce_required BIGINT NOT NULL,
    skip_consent BIGINT NOT NULL,
    remember_consent BIGINT NOT NULL,
    secretless BIGINT NOT NULL,
    userinfo_any_audience BIGINT NOT NULL,
    id_token_alg TEXT NOT NULL,
    id_token_claims BIGINT NOT NULL,
    jwks TEXT,
    project TEXT,
    service_account TEXT,
    registration_token_hash TEXT,
    epoch BIGINT NOT NULL,
    last_used_at BIGINT,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL
);

CREATE TABLE client_secrets (
    id TEXT PRIMARY KEY,
    client_id TEXT NOT NULL,
    hash TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    expires_at BIGINT
);
CREATE INDEX client_secrets_client ON client_secrets (client_id);

CREATE TABLE consents (
    id TEXT PRIMARY KEY,
    user_id TEXT NOT NULL,
    client_id TEXT NOT NULL,
    origin TEXT NOT NULL,
    pairs TEXT NOT NULL,
    claims TEXT NOT NULL,
    client_digest TEXT NOT NULL,
    status TEXT NOT NULL,
    user_epoch BIGINT NOT NULL,
    client_epoch BIGINT NOT NULL,
    epoch BIGINT NOT NULL,
    granted_at BIGINT NOT NULL,
    withdrawn_at BIGINT,
    last_used_at BIGINT
);
CREATE UNIQUE INDEX consents_active ON consents (user_id, client_id, origin) WHERE status = 'active';

CREATE TABLE sessions (
    id TEXT PRIMARY KEY,
    handle_hash TEXT NOT NULL,
    user_id TEXT NOT NULL,
    user_epoch BIGINT NOT NULL,
    auth_time BIGINT NOT NULL,
    amr TEXT NOT NULL,
    acr TEXT NOT NULL,
    csrf_secret TEXT NOT NULL,
    remember BIGINT NOT NULL,
    browser TEXT NOT NULL,
    address TEXT NOT NULL,
    status TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    last_seen_at BIGINT NOT NULL,
    idle_until BIGINT NOT NULL,
    expires_at BIGINT NOT NULL
);
CREATE UNIQUE INDEX sessions_handle ON sessions (handle_hash);
CREATE INDEX sessions_user ON sessions (user_id);

CREATE TABLE session_clients (
    session_id TEXT NOT NULL,
    client_id TEXT NOT NULL,
    sid TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (session_id, client_id)
);

CREATE TABLE interactions (
    id TEXT PRIMARY KEY,
    browser_hash TEXT NOT NULL,
    session_id TEXT,
    user_id TEXT,
    request TEXT NOT NULL,
    shown TEXT,
    auth_after BIGINT NOT NULL,
    used_at BIGINT,
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL
);
CREATE INDEX interactions_expiry ON interactions (expires_at);

CREATE TABLE authorization_codes (
    id TEXT PRIMARY KEY,
    hash TEXT NOT NULL,
    client_id TEXT NOT NULL,
    user_id TEXT NOT NULL,
    consent_id TEXT NOT NULL,
    session_id TEXT,
    sid TEXT,
    redirect_uri TEXT NOT NULL,
    scope TEXT NOT NULL,
    resources TEXT NOT NULL,
    claims TEXT NOT NULL,
    code_challenge TEXT,
    nonce TEXT,
    auth_time BIGINT NOT NULL,
    acr TEXT NOT NULL,
    amr TEXT NOT NULL,
    user_epoch BIGINT NOT NULL,
    client_epoch BIGINT NOT NULL,
    consent_epoch BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    used_at BIGINT,
    family_id TEXT,
    keep_until BIGINT NOT NULL
);

CREATE TABLE device_codes (
    id TEXT PRIMARY KEY,
    hash TEXT NOT NULL,
    user_code_hash TEXT NOT NULL,
    client_id TEXT NOT NULL,
    client_epoch BIGINT NOT NULL,
    scope TEXT NOT NULL,
    resources TEXT NOT NULL,
    address TEXT NOT NULL,
    status TEXT NOT NULL,
    interval BIGINT NOT NULL,
    user_id TEXT,
    user_epoch BIGINT,
    consent_id TEXT,
    consent_epoch BIGINT,
    auth_time BIGINT,
    acr TEXT,
    amr TEXT,
    decided_at BIGINT,
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    used_at BIGINT,
    family_id TEXT,
    keep_until BIGINT NOT NULL
);
CREATE UNIQUE INDEX device_codes_user_code ON device_codes (user_code_hash);

CREATE TABLE families (
    id TEXT PRIMARY KEY,
    client_id TEXT NOT NULL,
    user_id TEXT NOT NULL,
    consent_id TEXT NOT NULL,
    session_id TEXT,
    sid TEXT,
    origin TEXT NOT NULL,
    scope TEXT NOT NULL,
    resources TEXT NOT NULL,
    claims TEXT NOT NULL,
    auth_time BIGINT NOT NULL,
    acr TEXT NOT NULL,
    amr TEXT NOT NULL,
    binding TEXT,
    user_epoch BIGINT NOT NULL,
    client_epoch BIGINT NOT NULL,
    consent_epoch BIGINT NOT NULL,
    refreshable BIGINT NOT NULL,
    generation BIGINT NOT NULL,
    salt TEXT NOT NULL,
    mac_kid TEXT NOT NULL,
    rotated_at BIGINT NOT NULL,
    retries BIGINT NOT NULL,
    last_used_at BIGINT NOT NULL,
    idle_until BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    state TEXT NOT NULL,
    why TEXT,
    imported_hash TEXT
);
CREATE INDEX families_user ON families (user_id);
CREATE INDEX families_session ON families (session_id) WHERE session_id IS NOT NULL;
CREATE UNIQUE INDEX families_imported ON families (imported_hash) WHERE imported_hash IS NOT NULL;

CREATE TABLE tokens (
    jti TEXT PRIMARY KEY,
    family_id TEXT,
    client_id TEXT NOT NULL,
    user_id TEXT,
    scope TEXT NOT NULL,
    audience TEXT NOT NULL,
    claims TEXT,
    client_epoch BIGINT NOT NULL,
    issued_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    status TEXT NOT NULL
);
CREATE INDEX tokens_family ON tokens (family_id) WHERE family_id IS NOT NULL;

CREATE TABLE used_assertions (
    issuer TEXT NOT NULL,
    jti TEXT NOT NULL,
    expires_at BIGINT NOT NULL,
    PRIMARY KEY (issuer, jti)
);

CREATE TABLE logout_notices (
    id TEXT PRIMARY KEY,
    client_id TEXT NOT NULL,
    user_id TEXT NOT NULL,
    sid TEXT,
    attempts BIGINT NOT NULL,
    next_at BIGINT NOT NULL,
    created_at BIGINT NOT NULL
);

CREATE TABLE audit_logs (
    id TEXT PRIMARY KEY,
    event_type TEXT NOT NULL,
    event_time BIGINT NOT NULL,
    severity TEXT NOT NULL,
    actor_user_id TEXT,
    actor_username TEXT,
    actor_ip TEXT,
    resource_type TEXT,
    resource_id TEXT,
    resource_name TEXT,
    action TEXT NOT NULL,
    details TEXT,
    success BIGINT NOT NULL,
    error_message TEXT,
    user_agent TEXT,
    request_path TEXT,
    request_method TEXT,
    writer TEXT,
    sequence BIGINT,
    hash TEXT
)
