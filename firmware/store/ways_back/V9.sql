DROP TABLE voicemail_accesses;
DROP TABLE voicemail_messages;
