-- From here on the company's document may hold settings of SIP, those of extensions say who may
-- use WebSocket, those of users when they work, whether they call outside and
-- what their calls show there, those of trunks whether they show it, and those of menus what is spoken.

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
