-- What agents enter at phones that are not their own: Argon2id hashes, apart from the documents like passwords.
CREATE TABLE agent_pins (
    user INTEGER PRIMARY KEY REFERENCES objects (id) ON DELETE CASCADE,
    hash TEXT NOT NULL
) STRICT;
