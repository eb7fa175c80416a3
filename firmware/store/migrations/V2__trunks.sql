-- Trunks are objects like the others; their names are unique without regard to case.
CREATE UNIQUE INDEX one_trunk_name ON objects (lower(document ->> '$.name')) WHERE kind = 'trunk';

-- Passwords have to be sent to carriers, so they cannot be hashed. They are sealed with a key that lies beside the
-- database in a file of its own: nonce, ciphertext and tag (ChaCha20-Poly1305) in one value.
CREATE TABLE trunk_passwords (
    trunk  INTEGER PRIMARY KEY REFERENCES objects (id) ON DELETE CASCADE,
    sealed BLOB NOT NULL CHECK (length(sealed) BETWEEN 28 AND 1024)
) STRICT;
