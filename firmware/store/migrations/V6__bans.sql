-- Sources of SIP messages, and accounts at a source, that are not listened to until `ends_at`. A row stays for some days
-- longer, as the next ban of the same source lasts longer. No account is '': the whole source is banned.
CREATE TABLE bans (
    address TEXT NOT NULL,
    account TEXT NOT NULL,
    reason TEXT NOT NULL,
    began_at INTEGER NOT NULL,
    ends_at INTEGER NOT NULL,
    count INTEGER NOT NULL,
    PRIMARY KEY (address, account)
) STRICT, WITHOUT ROWID;
