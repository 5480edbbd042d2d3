-- The groups of an account, sorted and with commas between them: applications read them as rights.
-- Empty where it has none, and in rows of servers that do not know this column.
ALTER TABLE users ADD COLUMN group_names TEXT NOT NULL DEFAULT '';
