DROP TABLE recording_accesses;
DROP TABLE recordings;
