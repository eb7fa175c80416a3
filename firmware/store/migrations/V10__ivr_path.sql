-- The keys by which callers chose from menus.
ALTER TABLE calls ADD COLUMN ivr_path TEXT NOT NULL DEFAULT '';
