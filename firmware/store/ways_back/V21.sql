DROP INDEX calls_search;
CREATE INDEX calls_search ON calls (id, caller_number, callee_number, result, caller_e164, callee_e164);
DROP INDEX calls_of_companies;
ALTER TABLE calls DROP COLUMN company;
ALTER TABLE calls DROP COLUMN extensions;
-- The further companies were partitions: what was theirs is the gateway's again.
DELETE FROM objects WHERE kind IN ('hosted_company', 'paging_group');
-- Who was kept to a further company must not get the whole gateway by this: he keeps his own extension.
UPDATE objects SET document = json_remove(json_set(document, '$.role', 'user'), '$.profile')
    WHERE kind = 'user' AND coalesce(document ->> '$.company', 0) <> 0
        AND (document ->> '$.role' NOT IN ('agent', 'user') OR document ->> '$.profile' IS NOT NULL);
UPDATE objects SET document = json_remove(document, '$.company') WHERE kind IN
    ('user', 'extension', 'number', 'queue', 'ivr', 'time_condition', 'announcement', 'conference', 'voicemail_box', 'team');
UPDATE objects SET document = json_remove(document, '$.toll', '$.recording.notice_file') WHERE kind = 'company';
UPDATE objects SET document = json_remove(document, '$.class_of_service', '$.pickup_groups') WHERE kind = 'extension';
UPDATE objects SET document = json_remove(document, '$.classes') WHERE kind = 'outbound_route';
UPDATE objects SET document = json_remove(document, '$.voicedrops', '$.recording_out', '$.recording_notice', '$.voicemail_greeting', '$.whisper_text', '$.accept_key') WHERE kind = 'number';
UPDATE objects SET document = json_remove(document, '$.voicemail_greeting', '$.whisper_text') WHERE kind = 'queue';
