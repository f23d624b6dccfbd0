"""The narrow connection: opening, one door for errors, transactions, session pragmas, waiting for locks."""
