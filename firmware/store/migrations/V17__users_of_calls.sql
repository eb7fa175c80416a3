-- Whose a call is, asked of one call after the other: the way into the calls of a large team.
CREATE INDEX call_users_of_call ON call_users (call, user);
