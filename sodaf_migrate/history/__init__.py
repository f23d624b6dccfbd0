"""What was done to a database, kept in it: the current state of each migration, and an append-only chain of facts."""
