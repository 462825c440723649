"""Lists the keys that `llamafactory-cli train` knows, for `runseal preflight`: the names of its argument classes' members.

    python trainers/list_known_keys.py [--older 4.55.0 training_args.py training_args_seq2seq.py] > \
        src/runseal/preflight/known_keys.json

Run it with the Python of an environment that has LLaMA-Factory. `--older` names an older transformers that the same
LLaMA-Factory takes too, and the files of its argument classes: keys that have gone since are listed apart.
"""

from __future__ import annotations

import ast
import dataclasses
import importlib
import json
import sys
from importlib.metadata import version
from pathlib import Path


def main(arguments: list[str]) -> None:
    # By name: the tools that check this file have no LLaMA-Factory.
    parser = importlib.import_module("llamafactory.hparams.parser")
    keys = {field.name for kind in parser._TRAIN_ARGS for field in dataclasses.fields(kind) if field.init}
    older = arguments[1] if arguments[:1] == ["--older"] else None
    gone = {name for path in arguments[2:] for name in names_in(path)} - keys
    table = {
        "source": "the members of the argument classes of llamafactory and of transformers' TrainingArguments",
        "llamafactory": version("llamafactory"),
        "transformers": version("transformers"),
        "older_transformers": older,
        "keys": sorted(keys),
        "keys_of_older_only": sorted(gone),
    }
    json.dump(table, sys.stdout, indent=2)
    print()


def names_in(path: str) -> list[str]:
    """Public members with a type, of all classes in a Python file whose names end in TrainingArguments."""
    tree = ast.parse(Path(path).read_text(encoding="utf-8"))
    classes = [node for node in tree.body if isinstance(node, ast.ClassDef) and node.name.endswith("TrainingArguments")]
    members = [one for of in classes for one in of.body if isinstance(one, ast.AnnAssign)]
    names = [one.target.id for one in members if isinstance(one.target, ast.Name)]
    return [name for name in names if not name.startswith("_")]


if __name__ == "__main__":
    main(sys.argv[1:])
