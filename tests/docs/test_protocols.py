"""The table of protocols is the list of dialects."""

from catalog.query import Query
from config.dialects import DIALECTS
from config.local.plan import BASE_DIR

PAGE = (BASE_DIR / "docs/architecture.md").read_text()


def test_the_table_of_protocols_lists_every_dialect_with_its_manual_and_no_other():
    table = PAGE.partition("\n## Protocols\n")[2].partition("\n## ")[0]
    rows = [line for line in table.splitlines() if line.startswith("| ")][1:]
    query = Query(region="us-east", service="web")

    assert rows == [
        f"| {dialect.title} | `{dialect.example(query).line}` | `discovery/{dialect.name}/README.md` |"
        for dialect in DIALECTS
    ]
    for dialect in DIALECTS:
        assert (BASE_DIR / "discovery" / dialect.name / "README.md").is_file()
