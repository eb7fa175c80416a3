-- One row per recording of a call. It stays when its file is deleted, and is there when there never was one, saying why.
CREATE TABLE recordings (
    id               INTEGER PRIMARY KEY AUTOINCREMENT,
    call             TEXT NOT NULL,
    file             TEXT NOT NULL UNIQUE,
    started_at       INTEGER NOT NULL,
    ended_at         INTEGER,
    duration_ms      INTEGER NOT NULL DEFAULT 0,
    bytes            INTEGER NOT NULL DEFAULT 0,
    notice_played_at INTEGER,
    on_demand        INTEGER NOT NULL,
    lost_packets     INTEGER NOT NULL DEFAULT 0,
    problem          TEXT,
    deleted_at       INTEGER,
    deleted_by       TEXT,
    deleted_because  TEXT
) STRICT;
CREATE INDEX recordings_by_call ON recordings (call, id);
-- What retention looks at.
CREATE INDEX recordings_kept ON recordings (started_at) WHERE ended_at IS NOT NULL AND deleted_at IS NULL AND bytes > 0;

-- Who listened to, took or deleted which recording. Requests of one player within ten minutes are one entry.
CREATE TABLE recording_accesses (
    id        INTEGER PRIMARY KEY AUTOINCREMENT,
    recording INTEGER NOT NULL REFERENCES recordings (id) ON DELETE CASCADE,
    at        INTEGER NOT NULL,
    last_at   INTEGER NOT NULL,
    requests  INTEGER NOT NULL DEFAULT 1,
    actor     TEXT NOT NULL CHECK (json_valid(actor)),
    address   TEXT NOT NULL,
    action    TEXT NOT NULL
) STRICT;
CREATE INDEX accesses_by_recording ON recording_accesses (recording, id);
