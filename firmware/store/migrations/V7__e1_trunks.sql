-- E1 trunks are objects like the others. A name belongs to one trunk, of whatever kind; a span carries one trunk.
DROP INDEX one_trunk_name;
CREATE UNIQUE INDEX one_trunk_name ON objects (lower(document ->> '$.name')) WHERE kind IN ('trunk', 'e1_trunk');
CREATE UNIQUE INDEX one_e1_trunk_device ON objects (document ->> '$.device') WHERE kind = 'e1_trunk';
