"""A run as a person reads it in a terminal, as the program that comes with the server shows it."""

from __future__ import annotations

import math
from typing import Any, Optional

from ..gates.policy import canonical_metric
from .gates import gates_line
from .reading import json_text
from .terminal_text import cell, curve, duration, short_digest, short_time, table, wrap

Json = dict[str, Any]

#: Curves that are drawn where they are there, in this order.
DRAWN = ("loss", "eval_loss", "learning_rate", "grad_norm")
_OTHERS_SHOWN, _FAULTS_SHOWN, _CHECKPOINTS_SHOWN, _REMARKS_SHOWN, _REMARK_MAX = 8, 20, 8, 20, 400


def show_text(run: Json, metrics: Json, others: Json, verdict: Optional[Json], resources: Json) -> str:
    """`metrics` holds the series of `DRAWN`, `others` all, to be named with their newest value."""
    parts = [
        _head(run, resources),
        _curves(run, metrics, others),
        _judged(run, verdict),
        _materials(run),
        _remarks(run),
        _faults(run),
    ]
    return "\n\n".join(part for part in parts if part)


def _head(run: Json, resources: Json) -> str:
    summary, progress, model = run["summary"], run["progress"], run["model"]
    error = (run["end"] or {}).get("error")
    best = summary["best_checkpoint"]
    facts: list[tuple[str, Optional[str]]] = [
        ("run", run["run_id"]),
        ("experiment", _or_none(run["experiment"], lambda text: cell(text, 80))),
        ("state", _hang(f"{run['state']}: {error}") if error else run["state"]),
        ("started", _or_none(run["started_at"], short_time)),
        ("ended", _or_none(run["ended_at"], short_time)),
        ("took", _or_none(run["duration_seconds"], duration)),
        ("progress", _progress(progress)),
        ("attempts", _attempts(run["attempts"])),
        (
            "loss",
            None
            if summary["initial_loss"] is None
            else f"{cell(summary['initial_loss'])} → {cell(summary['final_loss'])}",
        ),
        (
            "eval loss",
            None
            if summary["best_eval_loss"] is None and summary["final_eval_loss"] is None
            else f"best {cell(summary['best_eval_loss'])}{'' if best is None else f' ({cell(best)})'}, "
            f"of the final weights {cell(summary['final_eval_loss'])}",
        ),
        ("checkpoints", _checkpoints(run["checkpoints"])),
        ("resources", _or_none(_machine(resources), _hang)),
        ("model", None if model is None else _model(model, run["verdict"])),
    ]
    title = run["run_id"] if run["name"] is None else cell(run["name"], 100)
    return "\n".join([title, *(f"  {name.ljust(13)}{value}" for name, value in facts if value is not None)])


def _or_none(value: Any, words: Any) -> Optional[str]:
    return None if value is None else str(words(value))


def _progress(progress: Json) -> Optional[str]:
    step, total, epochs = progress["step"], progress["total"], progress["epochs"]
    if step is None:
        return None
    share = f" of {total} ({math.floor(step / total * 100)} %)" if total is not None and total > 0 else ""
    of = "" if progress["total_epochs"] is None else f" of {cell(progress['total_epochs'])}"
    return f"step {json_text(step)}{share}{'' if epochs is None else f', epoch {cell(epochs)}{of}'}"


def _attempts(attempts: list[Json]) -> Optional[str]:
    if len(attempts) < 2:
        return None
    resumed = [
        f"{one['number']} resumes{'' if one['resumes']['step'] is None else ' at step ' + str(one['resumes']['step'])}"
        for one in attempts
        if one["resumes"] is not None
    ]
    return _hang("; ".join([str(len(attempts)), *resumed]))


def _checkpoints(checkpoints: list[Json]) -> Optional[str]:
    if not checkpoints:
        return None
    steps = [json_text(one["step"]) for one in checkpoints]
    gone = [json_text(one["step"]) for one in checkpoints if one["deleted_seq"] is not None]
    listed = f"{len(gone)}, up to step {gone[-1]}" if len(gone) > 4 else ", ".join(gone)
    deleted = "" if not gone else "; all deleted since" if len(gone) == len(steps) else f"; deleted since: {listed}"
    if len(steps) <= _CHECKPOINTS_SHOWN:
        return f"at {'step' if len(steps) == 1 else 'steps'} {', '.join(steps)}{deleted}"
    return f"{len(steps)}, the last at steps {', '.join(steps[-_CHECKPOINTS_SHOWN // 2 :])}{deleted}"


def _model(model: Json, verdict: Optional[Json]) -> str:
    """Contested is a version that people rely on while its run's newest verdict blocks."""
    is_blocked = verdict is not None and verdict["overall"] == "blocked"
    contested = ", CONTESTED" if is_blocked and model["stage"] in ("Staging", "Production") else ""
    return f"{model['name']} version {model['version']}, stage {model['stage']}{contested}"


def _machine(resources: Json) -> Optional[str]:
    """The machine in a line: the fullest GPU, the mean of all GPUs, memory."""
    gpus, machines = resources["gpus"], resources["machines"]

    def fullness(gpu: Json) -> float:
        used = gpu["memory_peak_bytes"]
        return -1.0 if used is None else used / (gpu["memory_total_bytes"] or math.inf)

    fullest = max(gpus, key=fullness, default=None)
    ram = max(machines, key=lambda one: -1 if one["ram_peak_bytes"] is None else one["ram_peak_bytes"], default=None)
    busy = [one["utilization_mean_percent"] for one in gpus if one["utilization_mean_percent"] is not None]
    cpu = [one["cpu_mean_percent"] for one in machines if one["cpu_mean_percent"] is not None]
    parts = [
        fullest and _peak("GPU memory", fullest["memory_peak_bytes"], fullest["memory_total_bytes"]),
        f"mean GPU use {_percent(sum(busy) / len(busy))}" if busy else None,
        f"mean CPU use {_percent(sum(cpu) / len(cpu))}" if cpu and not gpus else None,
        ram and _peak("RAM", ram["ram_peak_bytes"], ram["ram_total_bytes"]),
    ]
    known = [part for part in parts if part]
    several = f" (of {len(gpus)} GPUs the fullest)" if len(gpus) > 1 else ""
    return ", ".join(known) + several if known else None


def _peak(name: str, used: Optional[float], total: Optional[float]) -> Optional[str]:
    if used is None:
        return None
    if total is None:
        return f"peak {name} {_gib(used)} GiB"
    return f"peak {name} {_gib(used)} of {_gib(total)} GiB ({_percent(100 * used / total)})"


def _gib(count: float) -> str:
    return cell(float(f"{count / 2**30:.1f}"))


def _percent(value: float) -> str:
    return f"{math.floor(value + 0.5)} %"


def _hang(text: str) -> str:
    """A fact in lines below one another."""
    return wrap(text, " " * 15).lstrip()


def _curves(run: Json, metrics: Json, others: Json) -> str:
    diagnosis = metrics["diagnosis"]
    drawn = [(name, one) for name in DRAWN for one in metrics["series"] if _is_curve(one, name)]
    named = _newest_values(others)
    if not drawn:
        if run["summary"]["rows"] > 0:
            return "\n".join([wrap("no loss rows", "  "), *named])
        is_running = run["state"] == "running"
        return f"  no curves: {'no row has come yet' if is_running else 'the run has no metric rows'}"
    width = max(len(one["key"]) for _, one in drawn)
    lines = [f"  {one['key'].ljust(width)}  {_curve(name, one, diagnosis)}" for name, one in drawn]
    return "\n".join([*lines, wrap(diagnosis["explanation"], "  "), *named])


def _curve(name: str, series: Json, diagnosis: Json) -> str:
    values = [point[1] for point in series["points"]]
    verdict, best = diagnosis["verdict"], diagnosis["best_step"]
    word = ""
    if name == "eval_loss" and verdict == "overfitting" and best is not None:
        word = f"best at step {best}: stop here"
    elif name == "loss" and verdict != "unknown":
        word = verdict
    return f"{curve(values)} {cell(values[-1]) if values else ''} {word}".rstrip()


def _is_curve(series: Json, name: str) -> bool:
    return series["kind"] != "summary" and canonical_metric(series["key"], series["kind"]) == name


def _newest_values(others: Json) -> list[str]:
    def is_other(one: Json) -> bool:
        return one["kind"] != "summary" and not any(_is_curve(one, name) for name in DRAWN)

    # A name that is logged beside evaluations too is shown once.
    rest = list({one["key"]: one for one in reversed(others["series"]) if is_other(one)}.values())[::-1]
    unnamed = sum(map(is_other, others["omitted"]))
    if not rest and not unnamed:
        return []
    shown = [
        f"{cell(one['key'])} {cell(one['points'][-1][1] if one['points'] else None)}" for one in rest[:_OTHERS_SHOWN]
    ]
    more = len(rest) - len(shown) + unnamed
    return [wrap(f"also, newest values: {', '.join(shown)}{f', and {more} metrics more' if more else ''}", "  ")]


def _judged(run: Json, verdict: Optional[Json]) -> str:
    if verdict is None:
        is_running = run["state"] == "running"
        return "  not judged: the gates judge when a run ends" if is_running else "  not judged yet"
    accepted = f", accepted by {verdict['accepted']['by']}" if verdict["accepted"] else ""
    line = f"  {verdict['overall']}{accepted}: {gates_line(verdict['gates'])}"
    return f"{line}\n  why: runseal why {run['run_id']}"


def _materials(run: Json) -> str:
    rows = [
        [
            way,
            one["kind"] if one["role"] in (None, one["kind"]) else f"{one['kind']} {cell(one['role'])}",
            cell(one["path"] if one["name"] is None else one["name"]),
            short_digest(one["digest"]),
            f"record {one['seq']}",
        ]
        for way, ones in (("in", run["inputs"]), ("out", run["outputs"]))
        for one in ones
    ]
    if not rows:
        return ""
    return "\n".join(f"  {line}" for line in table(["", "WHAT", "NAME", "DIGEST", "BY"], rows).split("\n"))


def _faults(run: Json) -> str:
    found = run["faults"]
    if not found:
        return ""
    lines = [wrap(f"{one['message']} ({_where(one)})", "    ") for one in found[:_FAULTS_SHOWN]]
    more = len(found) - len(lines)
    head = "  faults, things that do not fit together:"
    return "\n".join([head, *lines, *([f"    and {more} more: runseal show --json"] if more else [])])


def _where(fault: Json) -> str:
    return f"record {fault['seq']}{'' if fault['count'] == 1 else ', ' + str(fault['count']) + ' times'}"


def _remarks(run: Json) -> str:
    """Of each name the last remark, and what does not show in the run because of it."""
    newest = list({one["name"]: one for one in run["annotations"]}.values())
    if not newest:
        return ""
    lines: list[str] = []
    for one in newest[:_REMARKS_SHOWN]:
        value = one["value"]
        told = value if isinstance(value, str) else json_text(value)
        said = ": ".join(part for part in (None if value is None else told, one["text"]) if part is not None)
        shown = f"{said[:_REMARK_MAX]}…" if len(said) > _REMARK_MAX else said
        lines.append(wrap(f"{one['name']}{f' {shown}' if shown else ''} (record {one['seq']})", "    "))
        lines += [] if one["hides"] is None else [wrap(one["hides"], "      ")]
    more = len(newest) - _REMARKS_SHOWN
    return "\n".join(["  remarks:", *lines, *([f"    and {more} more: runseal show --json"] if more > 0 else [])])
