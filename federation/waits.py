"""The waits that decide whether a mirror is live, together because they depend on each other. All are seconds.

A mirror is live for `FRESH_FOR` (5.0, `registry/freshness.py`) after the last contact with its origin. Within that time
the whole chain has to get through: the origin beats, the follower notes it, publishes it, and every server reads it.
Every region and every version shares these numbers, so a shorter chain here never excuses a longer one there.

                         with Valkey                             without Valkey
    beat                 BEAT                            1.0     BEAT                            1.0
    published or saved   PUBLISH_EVERY                   0.5     SAVE_ALONE + PUBLISH_EVERY      2.0
    read by a server     Mirrors' LOOK_EVERY             0.5     that and VALKEY_WITHIN          1.0
                                                   sum   2.0                               sum   4.0

`tests/federation/test_waits.py` holds the numbers to this.
"""

# The origin's side: how often a stream in which nothing happens says so.
BEAT = 1.0

# The follower's side.
CONTACT_LASTS = 3.0  # for which a beat counts as contact: two may be late. Shorter than SILENT, so it ends first
SILENT = 3.5  # without a byte of a stream that beats: the link is half open. Leaves time for a relay before FRESH_FOR
RELAY_AFTER = 1.0  # out of reach, before a relay is looked for: a restarting server is back by then
LOOK_EVERY = 2.0  # between two questions what the peer keeps: for the matrix, the delay, and the head's digest
ROW_LASTS = 30  # for which the answer is shown in the matrix once the peer gives no other
VERIFY_EVERY = 60.0  # between two verifications of the whole mirror, which read every record of it

# From the follower to this region's processes.
PUBLISH_EVERY = 0.5  # between two looks whether there is a new status to publish
VALKEY_WITHIN = 0.5  # for Valkey to take or give a status: one that hangs must not make mirrors look stale
SAVE_EVERY = 10.0  # between two writes of what must outlast Valkey; each costs a transaction
SAVE_ALONE = 1.5  # the same while Valkey is away and the tables are all that servers can read

# Which worker follows a peer.
LOCK_RENEWED = 1.0  # between two renewals, and between two attempts of the others to take over
# After the last renewal; a busy worker may miss a few. When a worker is killed its mirrors may be stale for the second
# or two that the next one then needs, which is rarer than a worker that stands still for three seconds.
LOCK_LASTS = 5.0
