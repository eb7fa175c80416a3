ALTER TABLE calls DROP COLUMN ivr_path;
