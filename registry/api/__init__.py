"""The REST API for people and tools, under `/api/v1/`: the record of this region, read from the database.

    urls             the paths
    resources/       the views, one resource a file
    shapes/          the structs that bodies are decoded by and answers are encoded from
    schema/          the OpenAPI schema, made from the shapes; examples
    authentication   the caller's grant
    problems         errors as application/problem+json
    parsing, rendering, paging, filters, json_paths, resource
                     what the resources share

Every write is a verb of `registry.actions`; nothing here touches a table but to read it.
"""
