UPDATE objects SET document = json_remove(document, '$.sip') WHERE kind = 'company';
