DROP TABLE agent_pins;
