DELETE FROM objects WHERE kind = 'trunk';
DROP TABLE trunk_passwords;
DROP INDEX one_trunk_name;
