-- What leads calls are objects like the others: a name belongs to one of its kind, whatever its case.
CREATE UNIQUE INDEX one_catalogue_name ON objects (kind, lower(coalesce(document ->> '$.name', document ->> '$.label')))
    WHERE kind IN ('number', 'inbound_route', 'outbound_route', 'ivr', 'queue', 'time_condition', 'calendar',
                   'announcement', 'conference', 'voicemail_box');
-- There is one plan of numbers inside the company.
DROP INDEX one_extension_number;
CREATE UNIQUE INDEX one_internal_number ON objects (document ->> '$.number')
    WHERE kind IN ('extension', 'ivr', 'queue', 'conference');
