UPDATE objects SET document = json_remove(document, '$.sip') WHERE kind = 'company';
UPDATE objects SET document = json_remove(document, '$.webrtc_allowed') WHERE kind = 'extension';
