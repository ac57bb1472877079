"""The DNS dialect: one process that answers over UDP and TCP from memory. See README.md, its man page.

dialect     DNS, as the rest of the house needs to know it
zone        what the server was told to be: domains, region, TTLs
question    a packet read as a question
names       what a name asks for: which service, where, with which tag or port
reads       that put to the one query
shapes      the answer as resource records
message     records as the bytes of a message that fits
table       answers kept until a change touches them
responder   all of the above in order
udp, tcp    the transports
server      the process's parts, started and stopped
processes   several servers on one port
counters    how many questions, and what became of them
metrics     the same for `/metrics` of the region's server
"""
