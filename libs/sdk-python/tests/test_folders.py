"""Each folder of the package builds on those before it, so that a part can be read without what stands on it."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

SOURCES = Path(__file__).parents[1] / "src" / "runseal"
ORDER = """spool files events delivery surroundings configuration recording training wrapper document gates preflight
    commands""".split()
#: What all may use: the modules beside the folders, but for the public ones that stand on everything.
ON_TOP = {"cli", "transformers", "__main__"}


def test_every_folder_is_in_the_order() -> None:
    folders = {path.parent.name for path in SOURCES.glob("*/*.py")}
    assert folders == set(ORDER)


def test_no_folder_imports_one_that_stands_on_it() -> None:
    allowed = {("document", "transformers")}
    upward = [
        f"{path.relative_to(SOURCES)} imports {wanted}"
        for folder in ORDER
        for path in sorted((SOURCES / folder).glob("*.py"))
        for wanted in _imported(path)
        if (folder, wanted) not in allowed
        and (wanted in ON_TOP or (wanted in ORDER and ORDER.index(wanted) > ORDER.index(folder)))
    ]
    assert upward == []


def _imported(path: Path) -> Iterator[str]:
    """The folders and modules of the package that a file imports from outside its own folder, anywhere in it."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.level == 2:
            yield from [node.module.split(".")[0]] if node.module else [name.name for name in node.names]
