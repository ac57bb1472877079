"""The REST API for people and tools, under `/api/v1/`: the record of this region, read from the database.

    urls             what there is
    instances, services, checks, overrides, changes, held, tokens, regions
                     one resource each: its views
    serializers      the forms in which things are answered and taken
    authentication   who is asking
    problems         what goes wrong, as application/problem+json
    parsing, paging, filters, resource
                     what the resources share

Every write is a verb of `registry.actions`; nothing here touches a table but to read it.
"""
