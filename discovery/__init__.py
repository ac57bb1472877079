"""The discovery plane: follows logs into memory and answers from there. No lookup touches a database.

view        the view in step with the logs, this region's and others', and its copy on disk
answers     answers encoded once, waiting for them to change, and how many may wait
access      what the token of a request allows
plane       everything that a server process needs to answer, started and stopped as one
web         HTTP below every dialect: connections, request cache, fast writes, routes, blocking queries, forwarding
http, dns   the dialects: one query, each in its own shape
"""
