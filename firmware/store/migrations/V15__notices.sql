-- Webhooks, mail servers, mail notices and text gateways have names of their own kind.
DROP INDEX one_catalogue_name;
CREATE UNIQUE INDEX one_catalogue_name ON objects (kind, lower(coalesce(document ->> '$.name', document ->> '$.label')))
    WHERE kind IN ('number', 'inbound_route', 'outbound_route', 'ivr', 'queue', 'time_condition', 'calendar',
                   'announcement', 'conference', 'voicemail_box', 'webhook', 'mail_server', 'mail_notice',
                   'text_gateway', 'team', 'profile');

-- Secrets of such objects, sealed like those of trunks.
CREATE TABLE object_secrets (
    object INTEGER PRIMARY KEY REFERENCES objects (id) ON DELETE CASCADE,
    sealed BLOB NOT NULL CHECK (length(sealed) BETWEEN 28 AND 2048)
) STRICT;

-- What happened and somebody is told of. Times are UTC milliseconds.
CREATE TABLE events (
    id   INTEGER PRIMARY KEY AUTOINCREMENT,
    at   INTEGER NOT NULL,
    kind TEXT NOT NULL,
    data TEXT NOT NULL CHECK (json_valid(data))
) STRICT;

-- Each way by which somebody is told of an event, and how that goes.
CREATE TABLE deliveries (
    id       INTEGER PRIMARY KEY AUTOINCREMENT,
    event    INTEGER NOT NULL REFERENCES events (id) ON DELETE CASCADE,
    -- webhook, mail or text
    way      TEXT NOT NULL,
    -- The webhook or text gateway; none for mail.
    target   INTEGER,
    -- Addresses of the mail, or the number of the text message, as JSON.
    address  TEXT NOT NULL DEFAULT 'null' CHECK (json_valid(address)),
    -- pending, delivered or failed
    state    TEXT NOT NULL DEFAULT 'pending',
    attempts INTEGER NOT NULL DEFAULT 0,
    -- When it is tried next; none when it is over.
    next_at  INTEGER,
    -- How the last attempt went.
    last_at  INTEGER,
    took_ms  INTEGER,
    answer   TEXT NOT NULL DEFAULT ''
) STRICT;
CREATE INDEX deliveries_due ON deliveries (next_at) WHERE state = 'pending';
CREATE INDEX deliveries_of_event ON deliveries (event);
CREATE INDEX deliveries_of_target ON deliveries (target, id);
