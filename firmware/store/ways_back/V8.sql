DELETE FROM objects
    WHERE kind IN ('number', 'inbound_route', 'outbound_route', 'ivr', 'queue', 'time_condition', 'calendar',
                   'announcement', 'conference', 'voicemail_box');
DROP INDEX one_catalogue_name;
DROP INDEX one_internal_number;
CREATE UNIQUE INDEX one_extension_number ON objects (document ->> '$.number') WHERE kind = 'extension';
