-- The trail of each writer is a chain: its newest link, and the last one that retention removed.

CREATE TABLE audit_heads (
    writer TEXT PRIMARY KEY,
    sequence BIGINT NOT NULL,
    hash TEXT NOT NULL,
    removed_sequence BIGINT NOT NULL,
    removed_hash TEXT NOT NULL
);
CREATE UNIQUE INDEX audit_logs_chain ON audit_logs (writer, sequence)
