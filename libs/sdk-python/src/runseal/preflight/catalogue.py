"""What `runseal preflight` looks at. An error means that the training would not start, would do something else than it seems to,
or could not pass the gates for lack of a record; a warning that the record says less than it could."""

from __future__ import annotations

from typing import NamedTuple


class Kind(NamedTuple):
    #: Where the document's checklist has it.
    group: str
    #: What is well when nothing is found.
    meaning: str


#: In the order in which they are shown.
KINDS: dict[str, Kind] = {
    "config.file-name": Kind("Configuration", "the trainer takes the file for a configuration, by its name"),
    "config.in-git": Kind("Configuration", "a commit holds the configuration"),
    "config.clean": Kind("Configuration", "the configuration is as committed"),
    "config.tree-clean": Kind("Configuration", "so is everything else in its repository"),
    "config.variables": Kind("Configuration", "every variable in it has a value"),
    "keys.known": Kind("Keys", "the trainer knows every key"),
    "keys.older": Kind("Keys", "no key has gone from transformers since"),
    "keys.required": Kind("Keys", "what decides about the training is told"),
    "keys.value": Kind("Keys", "values are of a kind that the trainer takes"),
    "dataset.found": Kind("Dataset", "every dataset is where dataset_info.json says"),
    "dataset.versioned": Kind("Dataset", "a commit or a digest pins the data"),
    "dataset.unchanged": Kind("Dataset", "the data are what the digest in dataset_info.json says"),
    "dataset.hub": Kind("Dataset", "no dataset comes from a hub, where it may change"),
    "model.found": Kind("Model", "the base model's folder exists"),
    "model.revision": Kind("Model", "the base model is a folder or pinned to a commit"),
    "model.source": Kind("Model", "it is told where the base model comes from"),
    "experiment.named": Kind("Experiment", "the run has a name to be found by"),
    "seeds.seed": Kind("Seeds", "the seed is told"),
    "seeds.data-seed": Kind("Seeds", "the seed of the data's order is told"),
    "reporting.on": Kind("Reporting", "the run reports to Runseal or to MLflow"),
    "logging.steps": Kind("Logging", "how often losses are logged is told"),
    "logging.tokens": Kind("Logging", "tokens are counted"),
    "evaluation.on": Kind("Evaluation", "the run is evaluated as it goes"),
    "evaluation.steps": Kind("Evaluation", "how often is told"),
    "evaluation.set": Kind("Evaluation", "there is one set to evaluate on"),
    "evaluation.fixed-set": Kind("Evaluation", "the set is the same in every run"),
    "saving.steps": Kind("Saving", "how often checkpoints are saved is told"),
    "saving.limit": Kind("Saving", "old checkpoints are removed"),
    "saving.best": Kind("Saving", "the best model can be loaded at the end"),
    "output.resume": Kind("Output", "the run starts where it seems to"),
    "output.leftover": Kind("Output", "no weights of another run lie in the output folder"),
    "output.overwrite": Kind("Output", "nothing of another run is overwritten"),
    "precision.one": Kind("Output", "one precision is asked for"),
}
