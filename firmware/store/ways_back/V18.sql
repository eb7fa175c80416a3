DROP TABLE recoveries;
DROP TABLE schema_ways_back;
