DELETE FROM objects WHERE kind = 'break';
DROP INDEX one_break_name;
DROP TABLE queue_members;
DROP TABLE agent_intervals;
