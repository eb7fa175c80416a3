-- How each schema is brought back to the one before it. A program that does not know a schema finds here what to do.
CREATE TABLE schema_ways_back (
    version INTEGER PRIMARY KEY,
    sql     TEXT NOT NULL
) STRICT;

-- What was done about a database that could not be used as it was. Times are UTC milliseconds.
CREATE TABLE recoveries (
    id               INTEGER PRIMARY KEY AUTOINCREMENT,
    at               INTEGER NOT NULL,
    -- damaged, missing, outdated or newer_schema
    cause            TEXT NOT NULL,
    detail           TEXT NOT NULL,
    -- Where the settings are from: kept or backup; as of when, and which version of the configuration.
    settings         TEXT NOT NULL,
    settings_at      INTEGER NOT NULL,
    settings_version INTEGER NOT NULL,
    -- The file that was put aside.
    kept_aside       TEXT NOT NULL,
    -- Rows of the history that were brought over, and tables of which parts could not be read.
    rows             INTEGER NOT NULL,
    unreadable       TEXT NOT NULL DEFAULT '[]' CHECK (json_valid(unreadable)),
    -- Files that rows of calls are still to be brought over from.
    pending          TEXT NOT NULL DEFAULT '[]' CHECK (json_valid(pending)),
    acknowledged_at  INTEGER,
    acknowledged_by  TEXT
) STRICT;
