DELETE FROM objects WHERE kind = 'contact';
UPDATE objects SET document = json_remove(document, '$.tax_id', '$.contact_name', '$.contact_phone', '$.cnl')
    WHERE kind = 'company';
DROP INDEX calls_search;
ALTER TABLE calls DROP COLUMN caller_e164;
ALTER TABLE calls DROP COLUMN callee_e164;
CREATE INDEX calls_search ON calls (id, caller_number, callee_number, result);
