-- The numbers of the public network at both ends of a call as E.164; none for those inside.
ALTER TABLE calls ADD COLUMN caller_e164 TEXT;
ALTER TABLE calls ADD COLUMN callee_e164 TEXT;
DROP INDEX calls_search;
CREATE INDEX calls_search ON calls (id, caller_number, callee_number, result, caller_e164, callee_e164);
