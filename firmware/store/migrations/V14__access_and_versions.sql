-- Users who took part in a call, by the extension they had then: whose call it is stays when numbers are given anew.
CREATE TABLE call_users (
    user INTEGER NOT NULL,
    call TEXT NOT NULL,
    PRIMARY KEY (user, call)
) STRICT, WITHOUT ROWID;
INSERT OR IGNORE INTO call_users (user, call)
    SELECT users.id, calls.id
    FROM calls
    JOIN objects AS extensions ON extensions.kind = 'extension'
        AND extensions.document ->> '$.number' IN (calls.caller_number, calls.callee_number)
    JOIN objects AS users ON users.kind = 'user' AND users.document ->> '$.extension' = extensions.id;

-- What a token allows, when it is not what its role does.
ALTER TABLE tokens ADD COLUMN permissions TEXT CHECK (permissions IS NULL OR json_valid(permissions));

-- Who did what, or tried to: every version of the configuration, and every request that changes something or is refused.
-- What a version changed stands in the journal.
CREATE TABLE audit (
    id        INTEGER PRIMARY KEY AUTOINCREMENT,
    at        INTEGER NOT NULL,
    last_at   INTEGER NOT NULL,
    times     INTEGER NOT NULL DEFAULT 1,
    actor     TEXT CHECK (actor IS NULL OR json_valid(actor)),
    address   TEXT NOT NULL DEFAULT '',
    method    TEXT NOT NULL DEFAULT '',
    path      TEXT NOT NULL DEFAULT '',
    status    INTEGER,
    problem   TEXT NOT NULL DEFAULT '',
    fields    TEXT NOT NULL DEFAULT '[]' CHECK (json_valid(fields)),
    version   INTEGER UNIQUE
) STRICT;
CREATE INDEX audit_at ON audit (at);
INSERT INTO audit (at, last_at, actor, version) SELECT at, at, actor, version FROM configuration_versions;

-- Secrets that a version replaced or deleted with their objects, so that it can be undone.
CREATE TABLE version_secrets (
    version   INTEGER NOT NULL REFERENCES configuration_versions (version) ON DELETE CASCADE,
    object_id INTEGER NOT NULL,
    secret    BLOB NOT NULL,
    PRIMARY KEY (version, object_id)
) STRICT, WITHOUT ROWID;

-- Changes that become live together.
CREATE TABLE drafts (
    id      INTEGER PRIMARY KEY AUTOINCREMENT,
    name    TEXT NOT NULL,
    at      INTEGER NOT NULL,
    actor   TEXT NOT NULL CHECK (json_valid(actor))
) STRICT;
CREATE TABLE draft_changes (
    draft     INTEGER NOT NULL REFERENCES drafts (id) ON DELETE CASCADE,
    object    TEXT NOT NULL,
    object_id INTEGER NOT NULL,
    before    TEXT CHECK (before IS NULL OR json_valid(before)),
    after     TEXT CHECK (after IS NULL OR json_valid(after)),
    secret    BLOB,
    PRIMARY KEY (draft, object_id)
) STRICT, WITHOUT ROWID;
