"""What pages are drawn from: the board of this process, histories, links, and results fetched once for many."""
