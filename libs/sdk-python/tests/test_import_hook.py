"""What the hook does to processes below `runseal run`: transformers reports to us, and nothing else is different."""

from __future__ import annotations

import subprocess
import sys
import textwrap
from pathlib import Path

import pytest
from scripted_door import ScriptedDoor
from wrapping import Wrapping

#: As much of transformers as the hook touches.
FAKE = {
    "transformers/__init__.py": "",
    "transformers/integrations/__init__.py": "",
    "transformers/integrations/integration_utils.py": """
        class Theirs: pass
        INTEGRATION_TO_CALLBACK = {"theirs": Theirs}
        def get_reporting_integration_callbacks(report_to):
            return [INTEGRATION_TO_CALLBACK[name] for name in report_to if name != "none"]
    """,
}
ASK = """
    from transformers.integrations.integration_utils import get_reporting_integration_callbacks as ask
    for report_to in (["none"], ["theirs"], ["theirs", "runseal"]):
        print([one.__name__ for one in ask(report_to)])
"""


@pytest.fixture
def wrapping(door: ScriptedDoor, tmp_path: Path) -> Wrapping:
    return Wrapping(tmp_path, door.url)


def write(folder: Path, files: dict[str, str]) -> str:
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(textwrap.dedent(text))
    return str(folder)


def test_every_trainer_below_reports_to_us_once_whatever_it_was_told(wrapping: Wrapping) -> None:
    callback = {"transformers/__init__.py": "class TrainerCallback: pass\n"}
    place = write(wrapping.folder / "site", {**FAKE, **callback})
    script = f"import sys; sys.path.insert(0, {place!r})\n" + textwrap.dedent(ASK)
    code, out, err = wrapping.run([sys.executable, "-c", script])
    assert code == 0, err
    assert out.decode().splitlines() == [
        "['AddedCallback']",
        "['Theirs', 'AddedCallback']",
        "['Theirs', 'AddedCallback']",
    ]


def test_a_transformers_that_has_changed_costs_a_line_and_no_training(wrapping: Wrapping) -> None:
    changed = {"transformers/integrations/integration_utils.py": "INTEGRATION_TO_CALLBACK = {}"}
    place = write(wrapping.folder / "site", {**FAKE, **changed})
    script = f"import sys; sys.path.insert(0, {place!r})\nimport transformers.integrations.integration_utils; print('trains')"
    code, out, err = wrapping.run([sys.executable, "-c", script])
    assert (code, out) == (0, b"trains\n")
    assert b"transformers has changed" in err


def test_a_sitecustomize_that_was_there_before_still_counts(wrapping: Wrapping) -> None:
    place = write(wrapping.folder / "site", {"sitecustomize.py": "import builtins; builtins.mine = 'still here'"})
    script = (
        "import sys, sitecustomize; print(mine, sitecustomize.__file__)\nprint([p for p in sys.path if 'hook' in p])"
    )
    env = {"PYTHONPATH": f"{place}:{_package()}"}
    code, out, _ = wrapping.run([sys.executable, "-c", script], **env)
    assert (code, out.decode().splitlines()) == (0, [f"still here {place}/sitecustomize.py", "[]"])


def test_a_sitecustomize_that_fails_does_what_it_does_without_us(wrapping: Wrapping) -> None:
    place = write(wrapping.folder / "site", {"sitecustomize.py": "raise ValueError('theirs')"})
    process = wrapping.start([sys.executable, "-c", "print('trains')"], PYTHONPATH=f"{place}:{_package()}")
    out, err = process.communicate(timeout=60)
    alone = subprocess.run(
        [sys.executable, "-c", "print('trains')"], env={"PYTHONPATH": place}, capture_output=True, check=False
    )
    assert (process.returncode, out) == (alone.returncode, alone.stdout)
    assert b"ValueError: theirs" in err
    assert b"ValueError: theirs" in alone.stderr


def test_the_package_is_at_hand_below_also_where_it_is_not_installed(wrapping: Wrapping) -> None:
    # An interpreter that has it nowhere: as in another virtual environment.
    bare = str(getattr(sys, "_base_executable", sys.executable))
    script = "import runseal.clock; print(runseal.__file__)"
    if subprocess.run([bare, "-c", script], env={}, capture_output=True, check=False).returncode == 0:
        pytest.skip("this machine's own Python has the package")
    hook = f"{_package()}/runseal/wrapper/hook"
    inner = f"PYTHONPATH={hook} exec {bare} -c '{script}'"
    code, out, err = wrapping.run(["sh", "-c", inner])
    assert (code, out.decode().strip()) == (0, f"{_package()}/runseal/__init__.py"), err


def test_the_hook_imports_nothing_of_ours_into_a_process_without_a_trainer(wrapping: Wrapping) -> None:
    script = "import sys; print([name for name in sys.modules if name.partition('.')[0] == 'runseal'])"
    assert wrapping.run([sys.executable, "-c", script])[1] == b"[]\n"


def test_a_process_that_is_not_to_be_recorded_is_left_alone(wrapping: Wrapping) -> None:
    inner = f"RUNSEAL_DISABLED=1 exec {sys.executable} -c 'import sys; print(len(sys.meta_path))'"
    plain = subprocess.run(
        [sys.executable, "-c", "import sys; print(len(sys.meta_path))"], capture_output=True, check=True
    )
    assert wrapping.run(["sh", "-c", inner])[1] == plain.stdout


REGISTERED = {
    "transformers/__init__.py": "class TrainerCallback: pass\n",
    "transformers/integrations/integration_utils.py": """
        class Theirs: pass
        INTEGRATION_TO_CALLBACK = {"theirs": Theirs}
        def get_reporting_integration_callbacks(report_to):
            names = [report_to] if isinstance(report_to, str) else report_to
            for name in names:
                if name not in INTEGRATION_TO_CALLBACK: raise ValueError(f"{name} is not supported")
            return [INTEGRATION_TO_CALLBACK[name] for name in names]
    """,
}


def test_an_environment_with_the_package_knows_it_by_name_and_reports_to_it_only_where_asked(tmp_path: Path) -> None:
    place = write(tmp_path / "site", {**FAKE, **REGISTERED})
    script = f"""
        import site, sys
        sys.path.insert(0, {place!r})
        # As Python does with the folder into which packages are installed.
        site.addsitedir({_package()!r})
        from transformers.integrations.integration_utils import get_reporting_integration_callbacks as ask
        print([one.__name__ for one in ask("theirs")], "runseal" in sys.modules)
        for report_to in ("runseal", ["runseal", "theirs"]):
            print([one.__name__ for one in ask(report_to)])
        try: ask("nobody")
        except ValueError as error: print(error)
    """
    done = subprocess.run([sys.executable, "-c", textwrap.dedent(script)], capture_output=True, text=True, check=False)
    assert done.stdout.splitlines() == [
        "['Theirs'] False",
        "['AddedCallback']",
        "['AddedCallback', 'Theirs']",
        "nobody is not supported",
    ], done.stderr


def test_knowing_the_name_costs_a_process_that_does_not_train_next_to_nothing() -> None:
    script = f"import sys, time; sys.path.insert(0, {_package()!r}); before = set(sys.modules)\nbegan = time.perf_counter()\n"
    script += "import runseal_report_to\nprint(time.perf_counter() - began, sorted(set(sys.modules) - before))"
    done = [
        # Without site: there it would be loaded already, where the package is installed.
        subprocess.run([sys.executable, "-S", "-c", script], capture_output=True, text=True, check=True)
        for _ in range(5)
    ]
    assert min(float(one.stdout.split()[0]) for one in done) < 0.005
    assert done[0].stdout.split(maxsplit=1)[1].strip() == "['runseal_report_to']"


def _package() -> str:
    from wrapping import PACKAGE

    return PACKAGE
