-- Notices are looked for every second.

CREATE INDEX logout_notices_due ON logout_notices (next_at);
