"""What the objects of a Hugging Face trainer tell about a run. Only their members are looked at: nothing is imported."""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from typing import Any, NamedTuple, Optional

from ..surroundings.hub_cache import find_in_hub_cache
from .checkpoints import step_of

Json = dict[str, Any]

#: TRL's settings classes by what is optimised.
_OBJECTIVES = {
    "SFTConfig": "sft",
    "DPOConfig": "dpo",
    "KTOConfig": "kto",
    "ORPOConfig": "orpo",
    "CPOConfig": "cpo",
    "GRPOConfig": "grpo",
    "RLOOConfig": "rloo",
    "PPOConfig": "ppo",
    "RewardConfig": "rm",
}
_PACKAGES = {"llamafactory": "llama_factory", "trl": "trl", "axolotl": "axolotl", "unsloth": "unsloth"}


class BaseModel(NamedTuple):
    #: A hub's name; None for a folder that is not in the hub's cache.
    source: Optional[str]
    #: The commit that the hub's name stood for.
    revision: Optional[str]
    #: A folder on this machine.
    path: Optional[str]


def describe_trainer(args: Any) -> Json:
    """`trainer` of run.started: whose settings class it is."""
    from importlib import metadata

    package = type(args).__module__.partition(".")[0]
    name = _PACKAGES.get(package, "transformers")
    if name == "transformers" and "llamafactory" in sys.modules:
        name = "llama_factory"
    version = None
    with suppress(Exception):
        version = metadata.version(name.replace("llama_factory", "llamafactory"))
    return {"name": name, "version": version}


def objective_of(args: Any, parameters: Json) -> Optional[str]:
    """LLaMA-Factory's stage, or the variant of preference loss; of TRL what its settings are for."""
    stage, loss = parameters.get("stage"), parameters.get("pref_loss")
    if stage == "dpo" and isinstance(loss, str) and loss != "sigmoid":
        return loss
    if isinstance(stage, str):
        return stage
    return next((_OBJECTIVES[one.__name__] for one in type(args).__mro__ if one.__name__ in _OBJECTIVES), None)


def resolved_arguments(args: Any) -> Json:
    """The trainer's settings after defaults and overrides, as it lists them itself."""
    for how in ("to_dict", "__dict__"):
        with suppress(Exception):
            told = getattr(args, how)
            given = {str(name): value for name, value in (told() if callable(told) else told).items()}
            # What stands there in place of a token that may not even be set.
            return {name: None if value == f"<{name.upper()}>" else value for name, value in given.items()}
    return {}


def model_parameters(model: Any) -> Json:
    """`model.*`: its configuration; `peft.*`: that of its adapter; and what both say in LLaMA-Factory's words."""
    found: Json = {"model": _as_dict(getattr(model, "config", None))}
    adapters = getattr(model, "peft_config", None)
    if not isinstance(adapters, dict) or not adapters:
        return {**found, "finetuning_type": "full"}
    name = adapter_name(model)
    adapter = adapters.get(name) or next(iter(adapters.values()))
    found["peft"] = _as_dict(adapter)
    names = {"lora_rank": "r", "lora_alpha": "lora_alpha", "lora_dropout": "lora_dropout"}
    found.update(
        {own: getattr(adapter, of) for own, of in names.items() if isinstance(getattr(adapter, of, None), (int, float))}
    )
    return {**found, "finetuning_type": weights_type(model)}


def weights_type(model: Any) -> str:
    """`full`, or the kind of adapter: lora and the like."""
    adapters = getattr(model, "peft_config", None)
    if not isinstance(adapters, dict) or not adapters:
        return "full"
    adapter = adapters.get(adapter_name(model)) or next(iter(adapters.values()))
    kind = getattr(adapter, "peft_type", None)
    return str(getattr(kind, "value", kind) or "adapter").lower()


def adapter_name(model: Any) -> str:
    name = getattr(model, "active_adapter", "default")
    return name if isinstance(name, str) else "default"


def base_model_of(model: Any) -> Optional[BaseModel]:
    """Where the weights come from that training starts with; None for a model that was made here."""
    config = getattr(model, "config", None)
    name = getattr(config, "_name_or_path", None) or getattr(config, "name_or_path", None)
    if not isinstance(name, str) or not name:
        return None
    if os.path.isdir(name):
        cached = find_in_hub_cache(name)
        return BaseModel(cached and cached.name, cached and cached.commit, os.path.abspath(name))
    commit = getattr(config, "_commit_hash", None)
    return BaseModel(name, commit if isinstance(commit, str) else None, None)


def seeds_of(args: Any) -> Json:
    """Seeds as they count: without one of its own the order of the data follows `seed`, as does numpy."""
    seed = getattr(args, "seed", None)
    data_seed = getattr(args, "data_seed", None)
    return {"seed": seed, "data_seed": seed if data_seed is None else data_seed, "numpy_seed": "derived"}


def gpus_each(args: Any) -> int:
    """GPUs that this process trains on."""
    kind = getattr(getattr(args, "device", None), "type", "cpu")
    return 0 if kind == "cpu" else max(1, int(getattr(args, "n_gpu", 1) or 1))


def final_step(args: Any, state: Any) -> int:
    """The step that the weights come from with which training ended."""
    best = getattr(state, "best_model_checkpoint", None)
    if getattr(args, "load_best_model_at_end", False) and isinstance(best, str) and step_of(best) >= 0:
        return step_of(best)
    return int(state.global_step)


def best_checkpoint(state: Any) -> Optional[Json]:
    """The checkpoint that the trainer names as best."""
    best = getattr(state, "best_model_checkpoint", None)
    if not isinstance(best, str) or step_of(best) < 0:
        return None
    return {"step": step_of(best), "path": best}


def total_steps(state: Any) -> Optional[int]:
    steps = getattr(state, "max_steps", None)
    return steps if isinstance(steps, int) and steps > 0 else None


def total_epochs(args: Any, state: Any) -> Optional[float]:
    epochs = getattr(state, "num_train_epochs", None) or getattr(args, "num_train_epochs", None)
    return float(epochs) if isinstance(epochs, (int, float)) and 0 < epochs < 1e9 else None


def task_metrics(metrics: Json) -> Json:
    """`metrics` and `evaluator` of run.evaluated: LLaMA-Factory's ROUGE and BLEU, on its scale of 0 to 100."""
    if "llamafactory" not in sys.modules:
        return {}
    scale = {"from": 0, "to": 100}
    found = [
        {"name": name[len("predict_") :], "value": value, "scale": scale, "standard_error": None}
        for name, value in metrics.items()
        if name.startswith(("predict_rouge", "predict_bleu"))
    ]
    return {"metrics": found, "evaluator": {"name": "llama_factory", "version": None}} if found else {}


def _as_dict(config: Any) -> Json:
    with suppress(Exception):
        return {str(name): value for name, value in config.to_dict().items()}
    return {}
