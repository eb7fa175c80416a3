DROP INDEX call_users_of_call;
