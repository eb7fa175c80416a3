-- Several companies may share the gateway from here on: objects of the kind hosted_company, named in the documents of what is
-- theirs. The company's document may list the countries that may be called, those of extensions hold their class of service
-- and those of outbound routes the classes they take. Where none is said, what the outbound routes allow stays allowed.

-- Whose calls they are; 0 is the company that the gateway is set up for.
ALTER TABLE calls ADD COLUMN company INTEGER NOT NULL DEFAULT 0;
CREATE INDEX calls_of_companies ON calls (company, id) WHERE company <> 0;

-- Extensions that took part in a call without being its caller or called number, each between spaces.
ALTER TABLE calls ADD COLUMN extensions TEXT NOT NULL DEFAULT '';
UPDATE calls SET extensions = coalesce((
    SELECT ' ' || group_concat(party, ' ') || ' ' FROM (
        SELECT DISTINCT value ->> 'party' AS party FROM json_each(calls.legs)
    ) WHERE length(party) BETWEEN 2 AND 7 AND party NOT GLOB '*[^0-9]*' AND party NOT IN (caller_number, callee_number)
), '') WHERE legs <> '[]';

-- All that the search asks for, so that it reads no row that it does not show.
DROP INDEX calls_search;
CREATE INDEX calls_search ON calls
    (id, caller_number, callee_number, result, caller_e164, callee_e164, direction, company, extensions);
