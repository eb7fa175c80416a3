-- Configuration objects: one JSON document each, in the form the model gives them. One sequence of ids for all kinds,
-- never used twice, so that the journal's references stay unambiguous.
CREATE TABLE objects (
    id       INTEGER PRIMARY KEY AUTOINCREMENT,
    kind     TEXT NOT NULL,
    document TEXT NOT NULL CHECK (json_valid(document))
) STRICT;
CREATE INDEX objects_by_kind ON objects (kind);
-- The model checks these before; the indexes are what nothing gets past.
CREATE UNIQUE INDEX one_company ON objects (kind) WHERE kind = 'company';
CREATE UNIQUE INDEX one_login ON objects (lower(document ->> '$.login')) WHERE kind = 'user';
CREATE UNIQUE INDEX one_extension_number ON objects (document ->> '$.number') WHERE kind = 'extension';

-- Secrets lie apart from the documents, so that no journal, export or log can show them by accident.
CREATE TABLE user_passwords (
    user INTEGER PRIMARY KEY REFERENCES objects (id) ON DELETE CASCADE,
    hash TEXT NOT NULL
) STRICT;
CREATE TABLE extension_credentials (
    extension INTEGER PRIMARY KEY REFERENCES objects (id) ON DELETE CASCADE,
    md5       BLOB NOT NULL CHECK (length(md5) = 16),
    sha256    BLOB NOT NULL CHECK (length(sha256) = 32)
) STRICT;

-- The journal: every save with its author, and every object it changed. Times are UTC milliseconds throughout.
CREATE TABLE configuration_versions (
    version INTEGER PRIMARY KEY AUTOINCREMENT,
    at      INTEGER NOT NULL,
    actor   TEXT NOT NULL CHECK (json_valid(actor))
) STRICT;
CREATE TABLE configuration_changes (
    version   INTEGER NOT NULL REFERENCES configuration_versions (version) ON DELETE CASCADE,
    place     INTEGER NOT NULL,
    object    TEXT NOT NULL,
    object_id INTEGER NOT NULL,
    before    TEXT CHECK (before IS NULL OR json_valid(before)),
    after     TEXT CHECK (after IS NULL OR json_valid(after)),
    PRIMARY KEY (version, place)
) STRICT, WITHOUT ROWID;
CREATE INDEX changes_by_object ON configuration_changes (object_id, version);

CREATE TABLE sessions (
    token_hash   BLOB PRIMARY KEY CHECK (length(token_hash) = 32),
    user         INTEGER NOT NULL REFERENCES objects (id) ON DELETE CASCADE,
    created_at   INTEGER NOT NULL,
    last_seen_at INTEGER NOT NULL,
    expires_at   INTEGER NOT NULL,
    address      TEXT NOT NULL,
    user_agent   TEXT NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX sessions_by_user ON sessions (user, created_at);

CREATE TABLE tokens (
    id           INTEGER PRIMARY KEY AUTOINCREMENT,
    name         TEXT NOT NULL,
    role         TEXT NOT NULL,
    secret_hash  BLOB NOT NULL UNIQUE CHECK (length(secret_hash) = 32),
    created_at   INTEGER NOT NULL,
    created_by   TEXT NOT NULL,
    last_used_at INTEGER
) STRICT;

-- One row per call. `id` begins with the start time, so ordering by it is ordering by time.
CREATE TABLE calls (
    id            TEXT PRIMARY KEY,
    started_at    INTEGER NOT NULL,
    answered_at   INTEGER,
    ended_at      INTEGER,
    direction     TEXT NOT NULL,
    caller_number TEXT NOT NULL,
    caller_name   TEXT NOT NULL,
    callee_number TEXT NOT NULL,
    callee_name   TEXT NOT NULL,
    result        TEXT,
    end_reason    TEXT NOT NULL,
    legs          TEXT NOT NULL CHECK (json_valid(legs)),
    trace         TEXT NOT NULL CHECK (json_valid(trace))
) STRICT;
-- Everything the search looks at, so that it never reads the long rows it does not show.
CREATE INDEX calls_search ON calls (id, caller_number, callee_number, result);
CREATE INDEX calls_open ON calls (id) WHERE result IS NULL;

CREATE TABLE bindings (
    extension     INTEGER NOT NULL REFERENCES objects (id) ON DELETE CASCADE,
    contact       TEXT NOT NULL,
    source        TEXT NOT NULL,
    transport     TEXT NOT NULL,
    user_agent    TEXT NOT NULL,
    call_id       TEXT NOT NULL,
    cseq          INTEGER NOT NULL,
    registered_at INTEGER NOT NULL,
    expires_at    INTEGER NOT NULL,
    PRIMARY KEY (extension, contact)
) STRICT, WITHOUT ROWID;
