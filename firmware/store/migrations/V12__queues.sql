-- A name belongs to one break only, whatever its case.
CREATE UNIQUE INDEX one_break_name ON objects (lower(document ->> '$.name')) WHERE kind = 'break';
-- Who takes calls of queues where, and who has paused: `agent:<user>` or `extension:<extension>`.
CREATE TABLE queue_members (
    member TEXT PRIMARY KEY,
    extension INTEGER,
    logged_in_at INTEGER,
    pause TEXT,
    paused_at INTEGER
) STRICT, WITHOUT ROWID;
-- What agents did from when to when.
CREATE TABLE agent_intervals (
    id INTEGER PRIMARY KEY,
    user INTEGER NOT NULL,
    kind TEXT NOT NULL,
    break INTEGER,
    name TEXT NOT NULL,
    began_at INTEGER NOT NULL,
    ended_at INTEGER NOT NULL,
    ended_by TEXT NOT NULL,
    exceeded INTEGER NOT NULL
) STRICT;
CREATE INDEX agent_intervals_of_user ON agent_intervals (user, began_at);
