DELETE FROM objects WHERE kind IN ('e1_trunk', 'analogue_port');
DROP INDEX one_e1_trunk_device;
DROP INDEX one_trunk_name;
CREATE UNIQUE INDEX one_trunk_name ON objects (lower(document ->> '$.name')) WHERE kind = 'trunk';
