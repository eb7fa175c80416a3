-- From here on the company's document may hold settings of SIP, those of extensions say who may
-- use WebSocket, those of users when they work, whether they call outside and
-- what their calls show there, those of trunks whether they show it, and those of menus what is spoken.
-- The company's may also list the countries that may be called, and those of extensions hold their class of service.
-- Where neither is said, what the outbound routes allow stays allowed.

-- Callers of queues who are called back in their turn.
CREATE TABLE queue_callbacks (
    call TEXT PRIMARY KEY,
    queue INTEGER NOT NULL,
    number TEXT NOT NULL,
    name TEXT NOT NULL,
    since INTEGER NOT NULL,
    attempts INTEGER NOT NULL,
    -- The extension he called from, which may get another number; none for others.
    extension INTEGER
) STRICT, WITHOUT ROWID;

-- Settings of the gateway as a machine, which do not belong to the telephony that is versioned and exported: its network,
-- when it archives itself, what it was restored from.
CREATE TABLE gateway_settings (
    name TEXT PRIMARY KEY,
    document TEXT NOT NULL CHECK (json_valid(document))
) STRICT, WITHOUT ROWID;

-- Whose calls they are when several companies share the gateway; 0 is the one that it is set up for.
ALTER TABLE calls ADD COLUMN company INTEGER NOT NULL DEFAULT 0;
CREATE INDEX calls_of_companies ON calls (company, id) WHERE company <> 0;
