"""How a verb becomes a commit: the command, the writer thread, one transaction for many, and what follows it."""
