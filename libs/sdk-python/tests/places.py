from __future__ import annotations

import json
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[3]
SCHEMAS = ROOT / "libs" / "contracts" / "schemas"
EXAMPLES = ROOT / "libs" / "contracts" / "examples"


def read_vectors(name: str) -> Any:
    return json.loads((ROOT / "libs" / "chain" / "vectors" / f"{name}.json").read_text(encoding="utf-8"))
