"""One row a finding: a change to a clean folder that brings it about, and the clean folder that has none."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from preflight_cases import BAD, CONFIGS, GONE, GOOD, HELD_OUT, RIGHT, Case, dataset_info, name_of, write
from training_folder import CLEAN, commit_all, git, make_training_folder, yaml_of

from runseal.configuration.yaml_config import read_yaml_config
from runseal.preflight import Finding, check_config, check_read_config
from runseal.preflight.catalogue import KINDS
from runseal.preflight.file import known_keys


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    place = tmp_path / "training"
    make_training_folder(place)
    monkeypatch.chdir(place)
    monkeypatch.setattr("runseal.preflight.file._installed", lambda: None)
    return place


def find(folder: Path, case: Case) -> list[Finding]:
    values = {**CLEAN, **case.change}
    text = yaml_of({key: value for key, value in values.items() if value is not GONE})
    if case.name.endswith(".json"):
        text = json.dumps({key: value for key, value in values.items() if value is not GONE})
    (folder / case.name).write_text(re.sub(r'"(\$\{[^}]*\})"', r"\1", text) if case.name == "train.yaml" else text)
    if case.before is not None:
        git(folder, "rm", "-q", "-r", "--cached", ".")
        case.before(folder)
    commit_all(folder)
    if case.after is not None:
        case.after(folder)
    return check_config(case.name, [], case.variables)


def test_a_clean_folder_has_nothing_but_what_is_well_and_every_kind_of_it(folder: Path) -> None:
    found = check_config("train.yaml", [], {})
    assert [one for one in found if one.severity != "ok"] == []
    # Neither a declared digest nor a hub is in it.
    assert set(KINDS) - {one.id for one in found} == {"dataset.unchanged", "dataset.hub"}
    assert [one.id for one in found] == sorted((one.id for one in found), key=list(KINDS).index)


@pytest.mark.parametrize("case", BAD, ids=name_of)
def test_finds(case: Case, folder: Path) -> None:
    found = [one for one in find(folder, case) if one.id == case.id and one.severity != "ok"]
    assert {one.severity for one in found} == {case.severity}
    one = found[0]
    assert case.words in one.found
    assert one.wanted
    assert one.group == KINDS[case.id].group


@pytest.mark.parametrize("case", GOOD, ids=name_of)
def test_does_not_find(case: Case, folder: Path) -> None:
    found = [one for one in find(folder, case) if one.id == case.id and not one.found.startswith("tasks_held_out")]
    assert [(one.severity, one.wanted, one.fix) for one in found] == [("ok", "", "")]
    assert case.words in found[0].found


def test_every_kind_of_the_catalogue_is_found_by_some_case() -> None:
    assert {case.id for case in BAD} == set(KINDS)


FIXED_BY_ITS_FIX = [
    case
    for case in BAD
    if case.severity != "info"
    and case.id.partition(".")[0] in ("keys", "seeds", "reporting", "logging", "saving", "evaluation", "precision")
    and case.words not in ("no_cuda", "ALLOW_EXTRA_ARGS", "both", "refuses runseal in the PPO stage")
]


@pytest.mark.parametrize("case", FIXED_BY_ITS_FIX, ids=name_of)
def test_what_is_pasted_mends_it(case: Case, folder: Path) -> None:
    (one,) = [one for one in find(folder, case) if one.id == case.id and one.severity != "ok"]
    overrides = [line.replace(": ", "=", 1) for line in one.fix.replace("name_in_dataset_info", "tasks").splitlines()]
    values = {**CLEAN, **case.change}
    wrong = one.key if case.id == "keys.known" else None
    text = yaml_of({key: value for key, value in values.items() if value is not GONE and key != wrong})
    (folder / "train.yaml").write_text(text.replace('"tasks, other"', '"tasks"'))
    again = check_config("train.yaml", overrides, case.variables)
    assert [one.found for one in again if one.id == case.id and one.severity != "ok"] == []


def test_suggests_the_nearest_key_with_its_value_and_names_the_line(folder: Path) -> None:
    text = yaml_of(CLEAN).replace("eval_strategy", "evaluation_strategy")
    (folder / "train.yaml").write_text(text)
    (one,) = [one for one in check_config("train.yaml", [], {}) if one.id == "keys.known"]
    assert (one.key, one.wanted, one.fix) == ("evaluation_strategy", "perhaps eval_strategy", "eval_strategy: steps")
    assert one.line == text.splitlines().index('evaluation_strategy: "steps"') + 1


def test_an_option_behind_a_yaml_is_an_unknown_key_as_it_is_for_the_trainer(folder: Path) -> None:
    found = [one for one in check_config("train.yaml", ["--learning_rate", "1e-4"], {}) if one.id == "keys.known"]
    assert [one.key for one in found] == ["--learning_rate", "1e-4"]
    assert "key=value" in found[0].wanted


def test_another_llamafactory_that_is_installed_may_know_more_keys(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("runseal.preflight.file._installed", lambda: "0.9.9")
    (one,) = [one for one in check_config("train.yaml", ["brand_new=1"], {}) if one.id == "keys.known"]
    assert one.severity == "warn"
    assert "0.9.9" in one.found


def test_overrides_count_as_the_trainer_counts_them(folder: Path) -> None:
    found = check_config("train.yaml", ["save_steps=7", "seed=null"], {})
    assert {one.id for one in found if one.severity == "error"} == {"saving.best", "seeds.seed"}


def test_shows_no_secret(folder: Path) -> None:
    (folder / "train.yaml").write_text(
        yaml_of({**CLEAN, "hub_tokem": "x", "hf_hub_token": "hunter2", "api_key": "hunter3"})
    )
    text = str(check_config("train.yaml", ["my_secret=hunter4"], {}))
    assert "api_key" in text
    assert "hunter" not in text


def test_a_wrapper_in_front_reports_and_large_data_are_not_read(folder: Path) -> None:
    digest = {"file_name": "tasks.json", "sha256": "0" * 64}
    dataset_info(tasks=digest, tasks_held_out=HELD_OUT)(folder)
    config = read_yaml_config("train.yaml", ["report_to=none", "run_name=null"], {})
    found = check_read_config(config, {}, experiment="x", is_wrapped=True, hash_bytes_max=10)
    by_id = {one.id: one.severity for one in found}
    assert by_id["reporting.on"] == by_id["experiment.named"] == "ok"
    assert by_id["dataset.unchanged"] == "info"


def test_a_digest_to_paste_is_the_data_own(folder: Path) -> None:
    write(".gitignore", "out\nhub\ntasks.json\n")(folder)
    git(folder, "rm", "-q", "--cached", "data/tasks.json")
    commit_all(folder)
    (one,) = [
        one for one in check_config("train.yaml", [], {}) if one.id == "dataset.versioned" and one.severity != "ok"
    ]
    assert f'"sha256": "{RIGHT}"' in one.fix


def test_the_documents_own_configuration_lacks_what_it_lacks(folder: Path) -> None:
    (folder / "train.yaml").write_text((CONFIGS / "document.yaml").read_text())
    commit_all(folder)
    found = check_config("train.yaml", [], {})
    bad = {(one.id, one.key) for one in found if one.severity == "error"}
    assert bad == {
        ("config.variables", "model_name_or_path"),
        ("keys.required", "do_train"),
        ("keys.required", "dataset"),
    }
    worse = {(one.id, one.key) for one in found if one.severity == "warn"}
    assert worse == {
        ("keys.required", "stage"),
        ("keys.required", "template"),
        ("keys.required", "output_dir"),
        ("experiment.named", "run_name"),
        ("logging.tokens", "include_num_input_tokens_seen"),
    }
    assert {one.id for one in found if one.severity == "info"} == {"reporting.on", "evaluation.fixed-set"}


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("healthy-lora", {"reporting.on", "evaluation.fixed-set", "model.source"}),
        (
            "overfit-full",
            {"experiment.named", "reporting.on", "logging.tokens", "evaluation.fixed-set", "model.source"},
        ),
    ],
)
def test_configurations_that_trained_have_no_error(name: str, expected: set[str], folder: Path) -> None:
    (folder / "base-model").mkdir()
    one = {"file_name": "tasks.json"}
    dataset_info(synthetic_alpaca=one, memorise_codes=one)(folder)
    (folder / "train.yaml").write_text((CONFIGS / f"{name}.yaml").read_text())
    commit_all(folder)
    found = check_config("train.yaml", [], {})
    assert [one for one in found if one.severity == "error"] == []
    assert {one.id for one in found if one.severity != "ok"} == expected


def test_the_table_of_keys_names_what_it_was_made_from() -> None:
    table = known_keys()
    assert (table.llamafactory, table.transformers, table.older_transformers) == ("0.9.5", "5.6.0", "4.55.0")
    assert len(table.keys) > 300
    assert set(CLEAN) <= table.keys
    assert not table.keys & table.keys_of_older_only
