-- Where a client that registered itself came from, so that one address cannot fill the table. Both indices hold only
-- the clients that nobody approved.

ALTER TABLE clients ADD COLUMN registered_from TEXT;
CREATE INDEX clients_registered_from ON clients (registered_from) WHERE origin = 'self';
CREATE INDEX clients_unused ON clients (created_at) WHERE origin = 'self' AND last_used_at IS NULL
