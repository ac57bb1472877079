"""The discovery plane: follows logs into memory and answers from there. No lookup touches a database.

follower, snapshot_file         the view in step with the log, and its copy on disk
mirrors                         other regions in the same view, as they appear, and how fresh they are
elsewhere                       asking another region itself
plane                           everything that a server process needs to answer, started and stopped as one
server, connection              the ASGI application, and one client's connection
verbatim, prompt, corked, wire  its shorter ways: known bytes, writes without a task, one write for each turn
answers, topics, limits         answers encoded once, waiting for them to change, and how many may wait
problems                        errors as `application/problem+json`
metrics, health                 how the process is doing
http, dns                       the dialects: one query, each in its own shape
"""
