ALTER TABLE bindings DROP COLUMN instance;
ALTER TABLE bindings DROP COLUMN reg_id;
ALTER TABLE bindings DROP COLUMN path;
