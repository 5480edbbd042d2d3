-- What a server leaves behind for the commands that run beside it.
CREATE TABLE facts (
    name  TEXT NOT NULL PRIMARY KEY, -- 'sessions_in'
    value TEXT NOT NULL              -- 'database' or 'memory': where the server started last keeps sessions
);
