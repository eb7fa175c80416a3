-- What RFC 5626 (outbound) and RFC 3327 (Path) add to a registered contact.
ALTER TABLE bindings ADD COLUMN instance TEXT NOT NULL DEFAULT '';
ALTER TABLE bindings ADD COLUMN reg_id INTEGER NOT NULL DEFAULT 0;
ALTER TABLE bindings ADD COLUMN path TEXT NOT NULL DEFAULT '';
