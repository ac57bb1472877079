"""This region's log and the mirrors of others in the tables: reading, history, verification, compaction."""
