"""Programs kept as text, and modules started by name, import what exists: no linter or type checker reads them."""

import ast
import re
from collections.abc import Iterator
from importlib.util import find_spec
from itertools import pairwise
from pathlib import Path

from config.local.plan import BASE_DIR

OURS = "|".join(sorted(path.parent.name for path in BASE_DIR.glob("*/__init__.py")))
IMPORT = re.compile(rf"^ *(?:from|import) ((?:{OURS})(?:\.\w+)+)", re.MULTILINE)
STARTED = re.compile(rf"(?:{OURS})(?:\.\w+)+")


def named(path: Path) -> Iterator[str]:
    """The modules that a file names in text: in programs, and behind `-m`."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield from IMPORT.findall(node.value)
        words = getattr(node, "elts", None) or getattr(node, "args", None)
        for option, module in pairwise(words if isinstance(words, list) else ()):
            if isinstance(option, ast.Constant) and option.value == "-m" and isinstance(module, ast.Constant):
                yield from STARTED.findall(str(module.value))


def test_every_module_that_is_named_in_text_exists() -> None:
    files = [
        path for place in ("tests", "benchmarks", "config", "scripts") for path in (BASE_DIR / place).rglob("*.py")
    ]
    found = {(str(path.relative_to(BASE_DIR)), module) for path in files for module in named(path)}
    assert len(found) >= 10, "hardly anything was found: the test looks in the wrong places"
    assert sorted(pair for pair in found if not exists(pair[1])) == []


def exists(module: str) -> bool:
    try:
        return find_spec(module) is not None
    except ModuleNotFoundError:
        return False
