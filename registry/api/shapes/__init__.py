"""What the API answers and takes, as frozen structs: they decode bodies, they are encoded, and the schema shows them.

`InstanceShape` is the component `Instance` of the schema, with its docstring and the `Meta` of its fields.
"""
