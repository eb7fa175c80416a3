DROP TABLE gateway_settings;
DROP TABLE queue_callbacks;
UPDATE objects SET document = json_set(document, '$.callback_key', NULL) WHERE kind = 'queue';
UPDATE objects SET document = json_remove(document, '$.sip') WHERE kind = 'company';
UPDATE objects SET document = json_remove(document, '$.webrtc_allowed') WHERE kind = 'extension';
UPDATE objects SET document = json_remove(document, '$.working_hours', '$.voicedrops', '$.external_calls', '$.verified_numbers', '$.caller_id') WHERE kind = 'user';
UPDATE objects SET document = json_remove(document, '$.foreign_caller_id') WHERE kind IN ('trunk', 'e1_trunk');
UPDATE objects SET document = json_remove(document, '$.menu_text') WHERE kind = 'ivr';
