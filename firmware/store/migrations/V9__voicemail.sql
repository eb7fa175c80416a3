-- One row per message in a voicemail box. It stays when its file is deleted; it has no end while it is being left.
CREATE TABLE voicemail_messages (
    id            INTEGER PRIMARY KEY AUTOINCREMENT,
    mailbox       INTEGER NOT NULL,
    call          TEXT NOT NULL,
    caller_number TEXT NOT NULL,
    caller_name   TEXT NOT NULL,
    file          TEXT NOT NULL UNIQUE,
    started_at    INTEGER NOT NULL,
    ended_at      INTEGER,
    duration_ms   INTEGER NOT NULL DEFAULT 0,
    bytes         INTEGER NOT NULL DEFAULT 0,
    forwarded_by  TEXT,
    heard_at      INTEGER,
    heard_by      TEXT,
    handled_at    INTEGER,
    handled_by    TEXT,
    deleted_at    INTEGER,
    deleted_by    TEXT
) STRICT;
CREATE INDEX voicemail_by_call ON voicemail_messages (call, id);
-- What boxes hold, and what retention looks at.
CREATE INDEX voicemail_kept ON voicemail_messages (mailbox, id) WHERE deleted_at IS NULL;

-- Who listened to, took or deleted which message. Requests of one player within ten minutes are one entry.
CREATE TABLE voicemail_accesses (
    id        INTEGER PRIMARY KEY AUTOINCREMENT,
    message   INTEGER NOT NULL REFERENCES voicemail_messages (id) ON DELETE CASCADE,
    at        INTEGER NOT NULL,
    last_at   INTEGER NOT NULL,
    requests  INTEGER NOT NULL DEFAULT 1,
    actor     TEXT NOT NULL CHECK (json_valid(actor)),
    address   TEXT NOT NULL,
    action    TEXT NOT NULL
) STRICT;
CREATE INDEX voicemail_accesses_by_message ON voicemail_accesses (message, id);
