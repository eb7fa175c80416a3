DELETE FROM objects WHERE kind IN ('webhook', 'mail_server', 'mail_notice', 'text_gateway');
DROP TABLE object_secrets;
DROP TABLE deliveries;
DROP TABLE events;
DROP INDEX one_catalogue_name;
CREATE UNIQUE INDEX one_catalogue_name ON objects (kind, lower(coalesce(document ->> '$.name', document ->> '$.label')))
    WHERE kind IN ('number', 'inbound_route', 'outbound_route', 'ivr', 'queue', 'time_condition', 'calendar',
                   'announcement', 'conference', 'voicemail_box');
