"""`runseal gates` (or `why`): each gate's sentence, with its values and the records that they come from."""

from __future__ import annotations

import argparse
from typing import Any, Optional
from urllib.parse import urlencode

from .command_line import NO, UNDETERMINED, YES, Commands
from .reading import Reader, ReadingError, answer, find_run, is_json, json_text, print_line
from .terminal_text import plain_text, short_time, wrap

Json = dict[str, Any]

#: Verdicts before the newest that are named.
_EARLIER_SHOWN = 5


def add_command(commands: Commands, everywhere: argparse.ArgumentParser) -> None:
    gates = commands.add_parser(
        "gates",
        aliases=["why"],
        parents=[everywhere],
        allow_abbrev=False,
        help="each gate's sentence with its values and records",
        epilog="Exit code 1 where the run is blocked, 2 where it is not judged. --evaluate needs the scope policy:write. "
        "example: runseal gates support-lora-r8",
    )
    gates.add_argument("run", help="id, its beginning, or name")
    when = gates.add_mutually_exclusive_group()
    when.add_argument("--evaluate", action="store_true", help="judge it now: after a policy or a baseline has changed")
    when.add_argument("--as-of", metavar="SEQ-OR-TIME", help="as it was judged then")
    gates.set_defaults(work=work)


def work(options: argparse.Namespace) -> int:
    return answer(options, lambda reader: _explain(reader, options))


def _explain(reader: Reader, options: argparse.Namespace) -> int:
    run = find_run(reader, options.run)
    # The answer is the verdict itself: the list may not have come as far yet.
    evaluated = reader.post(f"/v1/runs/{run}/gates/evaluate", {}) if options.evaluate else None
    listed = _list_verdicts(reader, run, options.as_of)
    newest = evaluated or (listed[0] if listed else None)
    if newest is None:
        when = "" if options.as_of is None else f" as of {options.as_of}"
        words = f"Run {run} is not judged{when}: gates judge when a run ends. Now: runseal why {run} --evaluate"
        raise ReadingError(words, UNDETERMINED)
    if is_json(options):
        print_line(json_text(newest))
    else:
        earlier = [one for one in listed if one["seq"] < newest["seq"]][:_EARLIER_SHOWN]
        print_line(verdict_text(newest, earlier))
    return NO if newest["overall"] == "blocked" else YES


def _list_verdicts(reader: Reader, run: str, as_of: Optional[str]) -> list[Json]:
    query = {"limit": str(_EARLIER_SHOWN + 1), **({} if as_of is None else {"as_of": as_of})}
    return list(reader.get(f"/v1/runs/{run}/gates?{urlencode(query)}")["items"])


def gates_line(gates: list[Json]) -> str:
    """The gates in one line: `G1 pass  G2 pass  G3 FAIL (warn)`."""
    return "  ".join(f"{gate['id']} {_word(gate)}" for gate in gates)


def _word(gate: Json) -> str:
    verdict = str(gate["verdict"])
    if verdict in ("pass", "skipped"):
        return verdict
    return f"{verdict.upper()} ({'shadow' if gate['shadow'] else gate['severity']})"


def verdict_text(verdict: Json, earlier: list[Json]) -> str:
    policy, accepted = verdict["policy"], verdict["accepted"]
    source = "built in" if policy["version"] == 0 else f"version {policy['version']}"
    grounds = [
        f"sealed in record {verdict['seq']}, {short_time(verdict['sealed_at'])}, on the records up to {verdict['position']}",
        f"by policy {policy['id']} ({source}, {policy['hash'][:12]}…) and engine {verdict['engine']}",
    ]
    if accepted is not None:
        grounds.append(f"warnings accepted by {accepted['by']} in record {accepted['seq']}: {accepted['reason']}")
    if verdict["superseded_by"] is not None:
        grounds.append(f"superseded by verdict {verdict['superseded_by']}")
    if earlier:
        before = [f"{one['overall']} (record {one['seq']})" for one in earlier]
        grounds.append(f"before: {', '.join(before)}")
    head = [f"{verdict['overall'].upper()}  run {verdict['run_id']}", *(wrap(line, "  ") for line in grounds)]
    return "\n\n".join(["\n".join(head), *map(_gate_text, verdict["gates"]), *_advice(verdict)])


def _advice(verdict: Json) -> list[str]:
    """What a person can do now; the gates' own sentences say what a trainer can."""
    if verdict["overall"] != "warnings" or verdict["accepted"] is not None or verdict["superseded_by"] is not None:
        return []
    command = f'runseal accept-warnings {verdict["run_id"]} --reason "..."'
    return [f"A person who finds these warnings acceptable says so:\n  {command}"]


def _gate_text(gate: Json) -> str:
    verdict = gate["verdict"] if gate["verdict"] in ("pass", "skipped") else gate["verdict"].upper()
    weight = "shadow, not counted" if gate["shadow"] else gate["severity"]
    width = max([0, *(len(plain_text(one["name"])) for one in gate["inputs"])])
    values = [
        f"     {plain_text(one['name']).ljust(width)}  {_value(one['value'])}{_record(one['seq'])}"
        for one in gate["inputs"]
    ]
    title = f"{gate['id']} {plain_text(gate['name']).replace('_', ' ')}: {verdict} ({weight})"
    return "\n".join([title, _explanation(gate["explanation"]), *values])


def _explanation(text: str) -> str:
    """A sentence in lines; one that enumerates much, a line or more for each."""
    head, found, rest = text.partition(": ")
    items = rest.split("; ")
    if not found or len(items) < 3:
        return wrap(text, "   ")
    return "\n".join([wrap(f"{head}:", "   "), *(f"   - {wrap(item, '     ').lstrip()}" for item in items)])


def _record(seq: Optional[int]) -> str:
    return "" if seq is None else f"  (record {seq})"


def _value(value: Any) -> str:
    if value is None:
        return "-"
    return plain_text(value) if isinstance(value, str) else json_text(value)
