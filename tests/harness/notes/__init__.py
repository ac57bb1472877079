"""Notes: a kind of record that the tests alone know. All that it takes is in this folder."""
