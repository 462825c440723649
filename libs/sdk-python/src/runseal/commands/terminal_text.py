"""Words, numbers, tables and curves for a terminal."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from typing import Any, Optional

from ..canonical_json import number_text

#: Columns of a line of prose.
WIDTH = 100
_BARS = "▁▂▃▄▅▆▇█"
_STEERING = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]+")


def plain_text(text: str) -> str:
    """Somebody's text in one line. It may not steer the terminal that it is shown on, nor turn the way in which a line is read."""
    return _STEERING.sub(" ", text)


def cell(value: Any, longest: int = 40) -> str:
    """A value for a table: numbers to 6 significant digits, text in one line, `-` for what is not known."""
    if value is None or value == "":
        return "-"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (int, float)):
        return (
            str(int(value)) if float(value).is_integer() and abs(value) < 1e21 else number_text(float(f"{value:.6g}"))
        )
    text = plain_text(str(value))
    return text if len(text) <= longest else f"{text[: longest - 1]}…"


def wrap(text: str, indent: str = "") -> str:
    """Prose in lines, each after the indent; a word that is longer than a line stays whole."""
    lines: list[str] = []
    line = ""
    for word in re.split(" +", plain_text(text)):
        longer = word if line == "" else f"{line} {word}"
        if line != "" and len(indent) + len(longer) > WIDTH:
            lines.append(line)
            line = word
        else:
            line = longer
    return "\n".join(indent + one for one in [*lines, line])


def table(headings: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Rows under their headings, columns as wide as their widest cell."""
    whole = [headings, *rows]
    widths = [max(len(row[column]) for row in whole) for column in range(len(headings))]
    return "\n".join("  ".join(text.ljust(width) for text, width in zip(row, widths)).rstrip() for row in whole)


def short_time(time: Optional[str]) -> str:
    """A time to the second: `2026-01-26 10:30:00Z`."""
    if time is None:
        return "-"
    return cell(re.sub(r"^(\d{4}-\d\d-\d\d)T(\d\d:\d\d:\d\d)(\.\d+)?(?=Z|[+-])", r"\1 \2", time))


def short_digest(digest: Optional[str]) -> str:
    return "not hashed" if digest is None else f"{digest[:19]}…"


def duration(seconds: float) -> str:
    """Seconds as people say them: `6.5 s`, `4 min 12 s`, `3 h 07 min`, `2 d 04 h`."""
    if not seconds >= 60:
        return f"{number_text(round(seconds, 1))} s"
    whole = round(seconds)
    units = [("d", whole // 86_400), ("h", whole // 3_600 % 24), ("min", whole // 60 % 60), ("s", whole % 60)]
    first = next(place for place, (_, count) in enumerate(units) if count > 0)
    shown = units[first : first + 2]
    return " ".join(f"{count if place == 0 else f'{count:02d}'} {unit}" for place, (unit, count) in enumerate(shown))


def curve(values: Sequence[Any], width: int = 32) -> str:
    """A curve as one line of bars: the mean of each part between least and greatest; a cross where one is not finite."""
    parts = min(width, len(values))
    cuts = [part * len(values) // parts for part in range(parts + 1)] if parts else [0]
    means = [_mean(values[start:end]) for start, end in zip(cuts, cuts[1:])]
    finite = [mean for mean in means if math.isfinite(mean)]
    least = min(finite, default=0.0)
    spread = max(finite, default=0.0) - least
    is_flat = spread <= abs(least) * 1e-12

    def bar(mean: float) -> str:
        if not math.isfinite(mean):
            return "×"
        height = 1.0 if is_flat else (mean - least) / spread
        return _BARS[math.floor(height * (len(_BARS) - 1) + 0.5)]

    return "".join(map(bar, means))


def _mean(part: Sequence[Any]) -> float:
    numbers = [float(one) if isinstance(one, (int, float)) else math.nan for one in part]
    return sum(number / len(numbers) for number in numbers)
