"""What the run does along the way: seeds, reporting, logging, evaluation, saving."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Optional

from .subject import Finding, Subject

#: What LLaMA-Factory lets its PPO stage report to.
_PPO_REPORTERS = frozenset(["wandb", "tensorboard", "trackio", "none"])


def check_experiment(subject: Subject) -> Iterator[Finding]:
    given = subject.experiment or subject.variables.get("RUNSEAL_EXPERIMENT") or subject.text("run_name")
    if given:
        yield subject.say("experiment.named", "ok", given, key="run_name")
        return
    found = "neither --experiment, RUNSEAL_EXPERIMENT nor run_name is given: the output folder's name is taken"
    fix = "run_name: my-experiment   # or: export RUNSEAL_EXPERIMENT=my-experiment"
    yield subject.say("experiment.named", "warn", found, "a name", fix, "run_name")


def check_seeds(subject: Subject) -> Iterator[Finding]:
    for key, id, instead in (("seed", "seeds.seed", "42"), ("data_seed", "seeds.data-seed", "seed's")):
        if subject.value(key) is not None:
            yield subject.say(id, "ok", subject.shown(key), key=key)
        elif key == "seed" and "seed" in subject.config.values:
            yield subject.say(id, "error", "seed is null, which the trainer cannot take", "a number", "seed: 42", key)
        else:
            fix = f"{key}: {subject.value('seed', 42)}"
            yield subject.say(id, "warn", f"{key} is missing: the trainer takes {instead}", "a number", fix, key)


def check_reporting(subject: Subject) -> Iterator[Finding]:
    key, id = "report_to", "reporting.on"
    values = subject.config.values
    if key in values and values[key] is None:
        yield subject.say(
            id,
            "error",
            "report_to is null, which the trainer cannot take",
            "a name, or none as a word",
            "report_to: runseal",
            key,
        )
        return
    given = values.get(key, "none")
    names = [str(one) for one in given] if isinstance(given, list) else [str(given)]
    names = [name for name in names if name != "none"]
    if subject.value("stage") == "ppo" and not _PPO_REPORTERS.issuperset(names):
        found = f"LLaMA-Factory refuses {', '.join(names)} in the PPO stage"
        yield subject.say(
            id, "error", found, "none, and runseal run in front", "report_to: none   # runseal run -- ...", key
        )
    elif "runseal" in names or "all" in names:
        yield subject.say(id, "ok", f"to {', '.join(names)}", key=key)
    elif subject.is_wrapped:
        yield subject.say(id, "ok", "runseal run records it", key=key)
    elif "mlflow" in names:
        found = "MLflow gets metrics and the trainer's arguments, neither dataset, template nor adapter settings"
        yield subject.say(id, "info", found, "runseal beside it", "report_to: [mlflow, runseal]", key)
    else:
        where = f"to {', '.join(names)} only" if names else "to nobody"
        fix = "report_to: runseal   # or: runseal run -- llamafactory-cli train ..."
        if subject.value("stage") == "ppo":
            fix = "runseal run -- llamafactory-cli train ..."
        yield subject.say(id, "warn", f"the run reports {where}", "to runseal", fix, key)


def check_logging(subject: Subject) -> Iterator[Finding]:
    strategy, steps = subject.strategy("logging"), subject.number("logging_steps")
    if strategy == "no":
        found = "logging_strategy: no, so that no loss is ever logged and the stability gate has nothing to read"
        yield subject.say("logging.steps", "error", found, "steps", "logging_strategy: steps", "logging_strategy")
    elif strategy == "steps" and steps is not None and steps <= 0:
        yield subject.say(
            "logging.steps", "error", subject.shown("logging_steps"), "above 0", "logging_steps: 10", "logging_steps"
        )
    elif strategy == "steps" and steps is None:
        found = "logging_steps is missing: the trainer takes 500"
        yield subject.say("logging.steps", "warn", found, "a number", "logging_steps: 10", "logging_steps")
    elif strategy is not None:
        yield subject.say(
            "logging.steps", "ok", f"every {steps:g} steps" if strategy == "steps" and steps else "every epoch"
        )
    counted = subject.value("include_num_input_tokens_seen", "no")
    if counted in (False, "no"):
        found = "tokens are not counted, so that nobody can say how fast the training was"
        key = "include_num_input_tokens_seen"
        yield subject.say("logging.tokens", "warn", found, "all or non_padding", f"{key}: true", key)
    else:
        yield subject.say("logging.tokens", "ok", "counted")


def check_evaluation(subject: Subject) -> Iterator[Finding]:
    strategy = subject.strategy("eval")
    if strategy == "no":
        found = "eval_strategy is missing or no: overfitting cannot be seen"
        fix = "eval_strategy: steps\neval_steps: 100"
        yield subject.say("evaluation.on", "warn", found, "steps or epoch", fix, "eval_strategy")
    elif strategy is not None:
        yield subject.say("evaluation.on", "ok", f"every {'epoch' if strategy == 'epoch' else 'so many steps'}")
    if strategy == "steps" and not subject.number("eval_steps"):
        found = "eval_steps is missing: the trainer takes logging_steps"
        yield subject.say("evaluation.steps", "warn", found, "a number", "eval_steps: 100", "eval_steps")
    elif strategy is not None:
        every = f"every {subject.number('eval_steps'):g} steps" if strategy == "steps" else "no steps to tell"
        yield subject.say("evaluation.steps", "ok", every)
    is_evaluated = strategy in ("steps", "epoch") or subject.is_on("do_eval")
    yield from _check_set(subject, is_evaluated)


def _check_set(subject: Subject, is_evaluated: bool) -> Iterator[Finding]:
    split, fixed = (subject.number("val_size") or 0) > 1e-6, bool(subject.value("eval_dataset"))
    id = "evaluation.set"
    if split and fixed:
        found = "val_size and eval_dataset are both given, which LLaMA-Factory refuses"
        yield subject.say(id, "error", found, "one of them", "# val_size: ...", "val_size")
        return
    if is_evaluated and not split and not fixed:
        found = "there is nothing to evaluate on, and LLaMA-Factory refuses to evaluate on nothing"
        fix = "eval_dataset: name_in_dataset_info   # or: val_size: 0.1"
        yield subject.say(id, "error", found, "eval_dataset or val_size", fix, "eval_dataset")
        return
    yield subject.say(id, "ok", "eval_dataset" if fixed else "val_size" if split else "none is needed")
    if split:
        found = (
            "val_size takes another set whenever data or seed change, so that losses cannot be compared with a baseline"
        )
        fix = "eval_dataset: name_in_dataset_info   # instead of val_size"
        yield subject.say("evaluation.fixed-set", "info", found, "a set of its own", fix, "val_size")
    elif fixed:
        yield subject.say("evaluation.fixed-set", "ok", subject.shown("eval_dataset"))


def check_saving(subject: Subject) -> Iterator[Finding]:
    strategy, steps = subject.strategy("save"), subject.number("save_steps")
    if strategy == "no":
        found = "save_strategy: no, so that a killed run starts again from the beginning"
        yield subject.say(
            "saving.steps", "warn", found, "steps", "save_strategy: steps\nsave_steps: 500", "save_strategy"
        )
    elif strategy == "steps" and not steps:
        found = "save_steps is missing: the trainer takes 500"
        yield subject.say("saving.steps", "warn", found, "a number", "save_steps: 500", "save_steps")
    elif strategy is not None:
        yield subject.say("saving.steps", "ok", f"every {steps:g} steps" if strategy == "steps" else f"by {strategy}")
    if strategy != "no" and subject.number("save_total_limit") is None:
        found = "save_total_limit is missing: every checkpoint stays on the disk"
        yield subject.say("saving.limit", "warn", found, "3 to 5", "save_total_limit: 3", "save_total_limit")
    else:
        yield subject.say("saving.limit", "ok", "few are kept")
    problem = _unfit_for_best(subject)
    if problem is not None:
        found, wanted, fix = problem
        yield subject.say("saving.best", "error", found, wanted, fix, "load_best_model_at_end")
    else:
        told = "is loaded at the end" if subject.is_on("load_best_model_at_end") else "is not asked for"
        yield subject.say("saving.best", "ok", f"the best model {told}")


def _unfit_for_best(subject: Subject) -> Optional[tuple[str, str, str]]:
    """Why the trainer refuses `load_best_model_at_end`, as transformers reasons."""
    if not subject.is_on("load_best_model_at_end"):
        return None
    if subject.value("stage") in ("rm", "ppo"):
        return (
            f"LLaMA-Factory refuses it in the stage {subject.value('stage')}",
            "false",
            "load_best_model_at_end: false",
        )
    save, evaluation = subject.strategy("save"), subject.strategy("eval")
    if save is None or evaluation is None or save == "best":
        return None
    if save != evaluation:
        found = f"save_strategy is {save}, eval_strategy is {evaluation}: the best checkpoint cannot be told"
        return (
            found,
            "the same for both",
            f"save_strategy: {evaluation}" if evaluation != "no" else f"eval_strategy: {save}",
        )
    logging = subject.number("logging_steps")
    each = subject.number("eval_steps") or (500.0 if logging is None else logging)
    saved = subject.number("save_steps") or 500.0
    # Below 1 they are parts of the whole, and binary fractions: 0.3 is no multiple of 0.1 until both are made whole.
    are_parts = each < 1 and saved < 1
    if save != "steps" or each <= 0 or saved % each == 0:
        return None
    if are_parts and (saved * 1_000_000) % (each * 1_000_000) == 0:
        return None
    found = f"save_steps {saved:g} is no multiple of eval_steps {each:g}"
    multiple = max(1, round(saved / each)) * each
    return found, "a checkpoint only where there is an evaluation", f"save_steps: {multiple:g}"
