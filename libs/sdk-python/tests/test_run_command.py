"""`runseal run`: what becomes of a command's exit, signals, output and run, whatever else is broken."""

from __future__ import annotations

import hashlib
import json
import os
import signal
import sys
import time
from pathlib import Path
from typing import Any, Optional

import pytest
from scripted_door import Exchange, Json, ScriptedDoor, answer, silence
from spools import spooled
from test_run import check_against_published_schemas
from waiting import wait_for
from wrapping import Wrapping


@pytest.fixture
def wrapping(door: ScriptedDoor, tmp_path: Path) -> Wrapping:
    return Wrapping(tmp_path, door.url)


def the(door: ScriptedDoor, event_type: str) -> Json:
    (event,) = door.of_type(event_type)
    payload: Json = event["payload"]
    return payload


@pytest.mark.parametrize(
    ("script", "code", "kind", "signal_name"),
    [
        ("", 0, "run.finished", None),
        ("raise SystemExit(3)", 3, "run.failed", None),
        ("raise SystemExit('diverged')", 1, "run.failed", None),
        ("import os, signal; os.kill(os.getpid(), signal.SIGKILL)", 137, "run.killed", "SIGKILL"),
        ("import os, signal; os.kill(os.getpid(), signal.SIGTERM)", 143, "run.killed", "SIGTERM"),
        ("import os; os.abort()", 134, "run.failed", "SIGABRT"),
        # As a shell or a launcher tells of a child's signal.
        ("raise SystemExit(137)", 137, "run.killed", "SIGKILL"),
        ("raise SystemExit(200)", 200, "run.failed", None),
    ],
)
def test_the_end_is_sealed_for_what_it_was_and_the_exit_code_is_the_commands(
    script: str, code: int, kind: str, signal_name: Optional[str], door: ScriptedDoor, wrapping: Wrapping
) -> None:
    assert wrapping.run(["sh", "-c", 'exec "$@"', "sh", *wrapping.python(script)])[0] == code
    assert [event for event in door.types if event != "run.log-captured"] == [
        "run.started",
        "run.attempt-started",
        kind,
    ]
    end = the(door, kind)
    assert end["attempt"] == door.of_type("run.attempt-started")[0]["id"]
    assert end["producers"] == [{"id": door.sealed[0]["producer"]["id"], "count": len(door.sealed)}]
    assert end.get("signal") == signal_name
    if kind == "run.failed":
        assert end["exit_code"] == code
    check_against_published_schemas(door.sealed)


def test_a_command_that_is_not_there_ends_the_run_with_127(door: ScriptedDoor, wrapping: Wrapping) -> None:
    code, _, err = wrapping.run(["/nowhere/trainer", "train"])
    assert code == 127
    assert b"/nowhere/trainer: the command could not be started: No such file or directory" in err
    assert "could not be started" in the(door, "run.failed")["error"]["message"]
    (wrapping.folder / "script").write_text("not executable")
    assert wrapping.run(["./script"])[0] == 126


def test_no_command_is_a_mistake_of_the_user_and_starts_nothing(door: ScriptedDoor, wrapping: Wrapping) -> None:
    code, _, err = wrapping.run([])
    assert (code, door.types) == (2, [])
    assert b"there is no command" in err


def test_what_is_printed_comes_through_byte_by_byte_and_its_digest_is_sealed_without_secrets(
    door: ScriptedDoor, wrapping: Wrapping
) -> None:
    secret = "hf_" + "aB3" * 12
    script = f"""
        import sys
        sys.stdout.buffer.write(bytes(range(256)) * 3 + b"\\n")
        print("token: {secret}")
        print("-----BEGIN PRIVATE KEY-----"); print("c2VjcmV0" * 8); print("-----END PRIVATE KEY-----")
        print("trouble", file=sys.stderr)
    """
    code, out, err = wrapping.run(wrapping.python(script))
    assert code == 0
    assert out.startswith(bytes(range(256)) * 3 + b"\n")
    assert secret.encode() in out
    assert b"\ntrouble\n" in err
    by_source = {event["payload"]["source"]: event["payload"] for event in door.of_type("run.log-captured")}
    assert {source: one["chunk"] for source, one in by_source.items()} == {"stdout": 0, "stderr": 0}
    kept = Path(by_source["stdout"]["location"]).read_bytes()
    assert by_source["stdout"]["digest"] == f"sha256:{hashlib.sha256(kept).hexdigest()}"
    assert (by_source["stdout"]["size_bytes"], by_source["stdout"]["masked"]) == (len(kept), 2)
    for text in (secret, "c2VjcmV0"):
        assert text.encode() not in kept
        assert text not in json.dumps(door.sealed)
    assert Path(by_source["stderr"]["location"]).read_bytes() == b"trouble\n"


def test_a_flood_of_output_comes_through_whole_and_in_chunks(door: ScriptedDoor, wrapping: Wrapping) -> None:
    script = "import sys\nfor n in range(200_000): print(n, 'x' * 90)"
    code, out, _ = wrapping.run(wrapping.python(script))
    assert code == 0
    assert out == b"".join(b"%d %s\n" % (n, b"x" * 90) for n in range(200_000))
    chunks = [event["payload"] for event in door.of_type("run.log-captured")]
    dropped = [one["count"] for event in door.of_type("run.events-dropped") for one in event["payload"]["not_accepted"]]
    assert [one["chunk"] for one in chunks] == list(range(len(chunks)))
    # What could not be masked in time is counted, and nothing of it stands twice.
    assert sum(one["size_bytes"] for one in chunks) + 65_536 * sum(dropped) >= len(out)
    assert max(one["size_bytes"] for one in chunks) <= 65_536


def test_lines_are_passed_on_while_the_command_goes_on(wrapping: Wrapping) -> None:
    script = "import sys, time; print('first'); time.sleep(60)"
    process = wrapping.start(wrapping.python(script))
    assert process.stdout is not None
    assert process.stdout.readline() == b"first\n"
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=30)


def test_what_a_grandchild_prints_later_is_passed_on_and_the_run_ends_without_it(
    door: ScriptedDoor, wrapping: Wrapping
) -> None:
    later = "while [ ! -e go ]; do sleep 0.05; done; echo later; echo wrong >&2"
    process = wrapping.start(["sh", "-c", f"({later}) & echo done"])
    assert process.wait(15) == 0
    assert door.types[-1] == "run.finished"
    (wrapping.folder / "go").touch()
    out, err = process.communicate(timeout=15)
    assert out == b"done\nlater\n"
    assert err.endswith(b"wrong\n")


@pytest.mark.parametrize("name", ["SIGTERM", "SIGINT", "SIGHUP"])
def test_a_signal_reaches_the_whole_group_and_the_end_tells_of_it(
    name: str, door: ScriptedDoor, wrapping: Wrapping
) -> None:
    inner = "import time, signal; print('ready', flush=True); time.sleep(60)"
    process = wrapping.start(["sh", "-c", f'{sys.executable} -c "{inner}" & wait'])
    assert process.stdout is not None
    assert process.stdout.readline() == b"ready\n"
    process.send_signal(getattr(signal, name))
    process.wait(30)  # Shells let what is in the background ignore SIGINT: it goes on, and holds the output open.
    assert process.returncode == 128 + getattr(signal, name)
    end = the(door, "run.killed")
    assert end["signal"] == name
    assert name in end["reason"]


def test_a_command_that_saves_and_ends_well_when_asked_is_told_as_stopped(
    door: ScriptedDoor, wrapping: Wrapping
) -> None:
    script = """
        import signal, sys, time
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
        print("ready", flush=True)
        time.sleep(60)
    """
    process = wrapping.start(wrapping.python(script))
    assert process.stdout is not None
    process.stdout.readline()
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=30)
    assert process.returncode == 0
    assert the(door, "run.killed")["reason"] == "asked to end by SIGTERM, it ended with code 0"


def test_a_killed_wrapper_takes_nothing_from_the_command_which_ends_its_run_itself(
    door: ScriptedDoor, wrapping: Wrapping
) -> None:
    script = """
        import os, sys, time, runseal
        with runseal.start_run("x", total_steps=2) as run:
            run.log_metrics({"loss": 1.0}, 1)
            print("ready", flush=True)
            while not os.path.exists("go"):
                time.sleep(0.05)
            print("x" * 200_000, flush=True)
            print("late", file=sys.stderr, flush=True)
            run.finish(completed_steps=2)
        open("ended", "w").close()
    """
    process = wrapping.start(wrapping.python(script))
    assert process.stdout is not None
    assert process.stdout.readline() == b"ready\n"
    wait_for("the attempt", lambda: "run.attempt-started" in door.types)
    process.kill()
    process.wait()
    (wrapping.folder / "go").touch()
    out, err = process.communicate(timeout=30)
    assert (len(out), err.endswith(b"late\n")) == (200_001, True)
    assert (wrapping.folder / "ended").exists()
    end = the(door, "run.finished")
    assert (end["attempt"], end["completed_steps"]) == (door.of_type("run.attempt-started")[0]["id"], 2)


def test_a_killed_wrapper_leaves_a_run_without_an_end_whose_events_another_process_sends(
    door: ScriptedDoor, wrapping: Wrapping
) -> None:
    door.always = answer(503)
    process = wrapping.start(wrapping.python("import os, time; print(os.getpid(), flush=True); time.sleep(60)"))
    assert process.stdout is not None
    child = int(process.stdout.readline())
    process.kill()
    process.communicate()
    os.kill(child, signal.SIGKILL)
    door.always = None
    from runseal.cli import main

    assert main(["spool", "send", wrapping.spool, "--url", door.url, "--key", "k"]) == 0
    assert door.types[:2] == ["run.started", "run.attempt-started"]
    assert not {"run.finished", "run.failed", "run.killed"} & set(door.types)


@pytest.mark.parametrize("url", [None, "http://127.0.0.1:9"])
def test_without_a_server_the_command_runs_all_the_same_and_everything_waits(
    url: Optional[str], tmp_path: Path
) -> None:
    wrapping = Wrapping(tmp_path, url)
    code, out, err = wrapping.run(
        wrapping.python("import os; os.mkdir('out'); print('trained')"), "--output-dir", "out"
    )
    assert (code, out) == (0, b"trained\n")
    types = [event["type"] for event in spooled(wrapping.spool)]
    assert (types[0], types[-1]) == ("run.started", "run.finished")
    assert f"runseal spool send {wrapping.spool}".encode() in err
    receipt = wrapping.receipt()
    assert (receipt["receipt"], receipt["events"]["spooled"]) == (None, len(types))
    assert receipt["send"] == f"runseal spool send {wrapping.spool}"


def test_a_server_that_dies_in_the_middle_loses_nothing(door: ScriptedDoor, wrapping: Wrapping) -> None:
    script = "import sys; print('half'); import time; time.sleep(3); print('whole')"
    process = wrapping.start(wrapping.python(script), RUNSEAL_DRAIN_S="0.5")
    wait_for("the start", lambda: "run.attempt-started" in door.types)
    door.always = answer(503)
    process.communicate(timeout=60)
    assert process.returncode == 0
    assert "run.finished" not in door.types
    door.always = None
    from runseal.cli import main

    assert main(["spool", "send", wrapping.spool, "--url", door.url, "--key", "k"]) == 0
    assert door.types[-1] == "run.finished"
    assert sorted(event["producer"]["seq"] for event in door.sealed) == list(range(len(door.sealed)))


def test_a_server_that_never_answers_delays_neither_start_nor_end_beyond_the_drain(
    door: ScriptedDoor, wrapping: Wrapping
) -> None:
    door.always = silence
    began = time.monotonic()
    script = "import runseal\nwith runseal.start_run('x') as run: run.log_metrics({'loss': 1.0}, 1)"
    assert wrapping.run(wrapping.python(script), RUNSEAL_DRAIN_S="8")[0] == 0
    # The child's two seconds, and eight in all for what both left.
    assert time.monotonic() - began < 8 + 2 + 5


def test_its_own_cost_before_the_command_starts_is_below_a_second(wrapping: Wrapping) -> None:
    took = []
    for _ in range(3):
        began = time.time()
        _, out, _ = wrapping.run(wrapping.python("import time; print(time.time())"))
        took.append(float(out) - began)
    assert min(took) < 1.0


@pytest.mark.parametrize(
    ("options", "variables"),
    [
        (["--model", "no name for a model"], {}),
        ([], {"RUNSEAL_URL": "ftp://x"}),
        ([], {"RUNSEAL_DRAIN_S": "soon"}),
        (["--run", "mine"], {}),
    ],
)
def test_what_cannot_be_recorded_is_said_and_runs_unrecorded_unless_strict(
    options: list[str], variables: dict[str, str], door: ScriptedDoor, wrapping: Wrapping
) -> None:
    code, out, err = wrapping.run(wrapping.python("print('trained')"), *options, **variables)
    assert (code, out) == (0, b"trained\n")
    assert b"the command runs unrecorded" in err
    code, out, err = wrapping.run(wrapping.python("print('trained')"), "--strict", *options, **variables)
    assert (code, out) == (2, b"")
    assert b"not started, because of --strict" in err
    assert door.types == []


@pytest.mark.parametrize("variables", [{"RUNSEAL_DISABLED": "1"}, {"NODE_RANK": "1"}, {"RANK": "3"}])
def test_where_nothing_is_to_be_recorded_the_command_takes_our_place(
    variables: dict[str, str], door: ScriptedDoor, wrapping: Wrapping
) -> None:
    code, out, err = wrapping.run(wrapping.python("print('trained'); raise SystemExit(7)"), **variables)
    assert (code, out, door.types) == (7, b"trained\n", [])
    assert err.startswith(b"runseal: ")


def test_a_full_spool_costs_logs_which_are_counted_and_no_training(door: ScriptedDoor, wrapping: Wrapping) -> None:
    door.always = answer(503)
    blocked = wrapping.folder / "blocked"
    blocked.write_text("a file where the spool should be")
    code, out, err = wrapping.run(
        wrapping.python("print('trained')"), RUNSEAL_SPOOL_DIR=str(blocked), RUNSEAL_DRAIN_S="0.2"
    )
    assert (code, out) == (0, b"trained\n")
    assert b"cannot be written" in err


def test_heartbeats_tell_attempt_and_phase_and_stop_with_the_command(door: ScriptedDoor, wrapping: Wrapping) -> None:
    process = wrapping.start(wrapping.python("import time; time.sleep(2.5)"))
    wait_for("three heartbeats", lambda: len(door.beats) >= 3)
    process.communicate(timeout=30)
    path, body = door.beats[0]
    (attempt,) = door.of_type("run.attempt-started")
    assert path == f"/v1/{attempt['stream'].replace('run/', 'runs/')}/heartbeat"
    assert body == {"attempt": attempt["id"], "phase": "load"}
    count = len(door.beats)
    assert count <= 20


def test_a_server_that_knows_no_heartbeats_gets_no_second_one(door: ScriptedDoor, wrapping: Wrapping) -> None:
    door.beat_answer = (404, {"code": "not_found"})
    wrapping.run(wrapping.python("import time; time.sleep(3)"))
    assert len(door.beats) == 1


def test_a_run_that_is_not_known_yet_is_told_of_again(door: ScriptedDoor, wrapping: Wrapping) -> None:
    door.beat_answer = (404, {"code": "run_unknown"})
    process = wrapping.start(wrapping.python("import time; time.sleep(60)"))
    wait_for("a heartbeat", lambda: door.beats)
    door.beat_answer = (200, {"lease_s": 30, "alerts": [], "stop": False})
    wait_for("another", lambda: len(door.beats) > 1)
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=30)


@pytest.mark.parametrize("obeys", [True, False])
def test_stop_reaches_the_training_only_where_the_user_lets_it(
    obeys: bool, door: ScriptedDoor, wrapping: Wrapping
) -> None:
    door.beat_answer = (200, {"lease_s": 0.3, "alerts": [{"id": "a", "rule": "nonfinite"}], "stop": True})
    script = """
        import os, time
        stop = os.path.join(os.environ["RUNSEAL_WRAPPER_DIR"], "stop")
        for _ in range(30):
            time.sleep(0.1)
            if os.path.exists(stop):
                print("stopped")
                break
    """
    _, out, err = wrapping.run(wrapping.python(script), *(["--on-alert", "stop"] if obeys else []))
    assert out == (b"stopped\n" if obeys else b"")
    assert b"alert: nonfinite" in err
    remark = the(door, "run.annotated")
    assert (remark["name"], remark["value"]) == ("stop_requested", obeys)


def test_who_records_in_a_child_joins_the_attempt_and_the_end_counts_both(
    door: ScriptedDoor, wrapping: Wrapping
) -> None:
    script = """
        import runseal
        with runseal.start_run("not asked for", total_steps=10) as run:
            run.log_metrics({"loss": 1.0}, 5)
            run.finish(completed_steps=10, total_steps=10, final_weights={"attempt": run.attempt, "step": 10})
    """
    assert wrapping.run(wrapping.python(script))[0] == 0
    end = the(door, "run.finished")
    (attempt,) = door.of_type("run.attempt-started")
    (row,) = door.of_type("run.metrics-logged")
    assert row["payload"]["attempt"] == attempt["id"] == end["attempt"]
    assert (end["completed_steps"], end["total_steps"], end["final_weights"]["step"]) == (10, 10, 10)
    counted = {one["id"]: one["count"] for one in end["producers"]}
    found: dict[str, int] = {}
    for event in door.sealed:
        found[event["producer"]["id"]] = found.get(event["producer"]["id"], 0) + 1
    assert counted == found
    assert len(counted) == 2
    assert the(door, "run.started")["experiment"] == "wrapped"


def test_a_killed_child_is_counted_from_its_spool_and_delivered(door: ScriptedDoor, wrapping: Wrapping) -> None:
    door.always = answer(503)
    script = """
        import os, signal, runseal
        run = runseal.start_run("x")
        run.log_metrics({"loss": 1.0}, 5)
        run.save_checkpoint(5)
        os.kill(os.getpid(), signal.SIGKILL)
    """
    process = wrapping.start(wrapping.python(script))
    wait_for("a request", lambda: door.requests)
    wait_for(
        "the child's end", lambda: any(event["type"] == "run.checkpoint-saved" for event in spooled(wrapping.spool))
    )
    door.always = None
    process.communicate(timeout=60)
    assert process.returncode == 137
    end = the(door, "run.killed")
    (row,) = door.of_type("run.metrics-logged")
    assert {"id": row["producer"]["id"], "count": 2} in end["producers"]
    assert door.types.index("run.checkpoint-saved") < door.types.index("run.killed")


def test_nothing_of_a_child_is_sealed_before_the_attempt_that_it_names(door: ScriptedDoor, wrapping: Wrapping) -> None:
    def slow_to_the_first(exchange: Exchange) -> None:
        time.sleep(1.5)
        door.reply(exchange)

    door.faults = [slow_to_the_first]
    script = "import runseal\nwith runseal.start_run('x') as run:\n run.log_metrics({'loss': 1.0}, 1)\n run.flush(5)"
    assert wrapping.run(wrapping.python(script))[0] == 0
    kinds = [kind for kind in door.types if kind != "run.log-captured"]
    assert kinds == ["run.started", "run.attempt-started", "run.metrics-logged", "run.finished"]


def test_what_a_wrapped_run_left_is_sent_in_the_order_in_which_its_processes_started(
    door: ScriptedDoor, tmp_path: Path
) -> None:
    wrapping = Wrapping(tmp_path, None)
    script = (
        "import runseal\nfor _ in range(4):\n with runseal.start_run('x') as run: run.log_metrics({'loss': 1.0}, 1)"
    )
    assert wrapping.run(wrapping.python(script))[0] == 0
    from runseal.cli import main

    assert main(["spool", "send", wrapping.spool, "--url", door.url, "--key", "k"]) == 0
    begun: list[str] = []
    for event in door.sealed:
        begun += [event["id"]] if event["type"] == "run.attempt-started" else []
        assert event["payload"].get("attempt", None) in (None, *begun) or event["type"] == "run.finished"
    assert len(begun) == 4


def test_an_error_told_from_inside_says_why(door: ScriptedDoor, wrapping: Wrapping) -> None:
    script = "import runseal\nwith runseal.start_run('x') as run: raise ValueError('diverged')"
    process = wrapping.start(wrapping.python(script))
    process.communicate(timeout=60)
    assert process.returncode == 1
    end = the(door, "run.failed")
    assert (end["error"], end["exit_code"]) == ({"type": "ValueError", "message": "diverged"}, 1)


def test_a_second_training_in_one_command_is_an_attempt_of_its_own(door: ScriptedDoor, wrapping: Wrapping) -> None:
    one = "import runseal\nwith runseal.start_run('x') as run: run.log_metrics({'loss': 1.0}, 1)"
    assert wrapping.run(["sh", "-c", f'{sys.executable} -c "{one}" && {sys.executable} -c "{one}"'])[0] == 0
    first, second = (event["id"] for event in door.of_type("run.attempt-started"))
    assert [event["payload"]["attempt"] for event in door.of_type("run.metrics-logged")] == [first, second]
    end = the(door, "run.finished")
    assert (end["attempt"], len(end["producers"])) == (second, 3)


def test_a_run_goes_on_in_a_new_attempt_where_it_is_named(door: ScriptedDoor, wrapping: Wrapping) -> None:
    wrapping.run(wrapping.python("raise SystemExit(1)"))
    run = door.sealed[0]["stream"].partition("/")[2]
    wrapping.run(wrapping.python(""), "--run", run)
    assert {event["stream"] for event in door.sealed} == {f"run/{run}"}
    assert len(door.of_type("run.started")) == 1
    second = door.of_type("run.attempt-started")[1]
    assert second["payload"]["resumes"] == {"attempt": None, "step": None}
    assert the(door, "run.finished")["attempt"] == second["id"]


def test_what_preflight_finds_is_said_and_remarked_and_stops_a_strict_start(
    door: ScriptedDoor, wrapping: Wrapping
) -> None:
    pytest.importorskip("yaml")
    (wrapping.folder / "train.yaml").write_text("stage: sft\noutput_dir: out\nhub_token: not_to_be_told_to_anybody\n")
    # What stands behind the script is the command line that it is started with.
    command = ["sh", "-c", "cat $2", "llamafactory-cli", "train", "train.yaml"]
    code, out, err = wrapping.run(command)
    assert (code, out) == (0, (wrapping.folder / "train.yaml").read_bytes())
    assert b"[config.in-git]" in err
    remarks = {event["payload"]["name"]: event["payload"] for event in door.of_type("run.annotated")}
    assert "config.in-git" in remarks["preflight"]["text"]
    assert remarks["preflight"]["value"] == len(remarks["preflight"]["text"].split(", "))
    assert remarks["config_masked"]["text"] == "/hub_token"
    config = next(
        event["payload"] for event in door.of_type("run.input-recorded") if event["payload"]["kind"] == "config"
    )
    assert config["digest"] == f"sha256:{hashlib.sha256(out).hexdigest()}"
    (parameters,) = door.of_type("run.parameters-recorded")
    assert parameters["payload"]["parameters"]["hub_token"] == "[masked]"
    assert "not_to_be_told" not in json.dumps(door.sealed)
    code, out, _ = wrapping.run(command, "--strict")
    assert (code, out, door.types.count("run.started")) == (2, b"", 1)


def test_a_configuration_that_nobody_can_read_is_handed_over_as_it_stands(
    door: ScriptedDoor, wrapping: Wrapping
) -> None:
    (wrapping.folder / "train.yaml").write_text("a: [")
    code, out, err = wrapping.run(["sh", "-c", "cat $2", "llamafactory-cli", "train", "train.yaml"])
    assert (code, out) == (0, b"a: [")
    assert b"the configuration cannot be read: train.yaml" in err
    (config,) = door.of_type("run.input-recorded")
    assert config["payload"]["digest"] == f"sha256:{hashlib.sha256(out).hexdigest()}"


def trainer(rows: list[dict[str, Any]], after: str = "") -> str:
    """A trainer in no language of ours: it writes what LLaMA-Factory writes."""
    return f"""
        import json, os, time
        os.makedirs("out/checkpoint-10", exist_ok=True)
        for row in {rows!r}:
            with open("out/trainer_log.jsonl", "a") as file: file.write(json.dumps(row) + "\\n")
        time.sleep(2.5)
        open("out/adapter_config.json", "w").write("{{}}")
        open("out/adapter_model.bin", "w").write("weights")
        {after}
    """


ROWS = [
    {"current_steps": 10, "total_steps": 20, "loss": 2.0, "lr": 0.1, "epoch": 0.5},
    {"current_steps": 20, "total_steps": 20, "loss": 1.0, "lr": 0.1, "epoch": 1.0},
    {"current_steps": 20, "total_steps": 20, "epoch": 1.0},
]


def test_a_trainer_that_nobody_hooks_into_is_followed_by_its_files(door: ScriptedDoor, wrapping: Wrapping) -> None:
    assert wrapping.run(wrapping.python(trainer(ROWS)), "--output-dir", "out")[0] == 0
    assert [(row["step"], row["values"]["loss"], row["at"]) for row in door.rows] == [(10, 2.0, None), (20, 1.0, None)]
    assert the(door, "run.checkpoint-saved")["step"] == 10
    outputs = {event["payload"]["role"]: event["payload"] for event in door.of_type("run.output-recorded")}
    assert outputs["weights"]["digest"] == f"sha256:{hashlib.sha256(b'weights').hexdigest()}"
    assert outputs["weights"]["type"] == "lora"
    end = the(door, "run.finished")
    assert (end["total_steps"], end["completed_steps"], end["final_weights"]["step"]) == (20, 20, 20)
    receipt = wrapping.receipt()
    assert receipt["run"] == door.sealed[0]["stream"].partition("/")[2]
    assert receipt["receipt"]["seq"] == len(door.sealed) - 1
    assert receipt["events"] == {"accepted": len(door.sealed), "spooled": 0, "set_aside": 0}
    check_against_published_schemas(door.sealed)


def test_a_signal_while_outputs_are_hashed_ends_that_wait_and_the_end_is_sealed_all_the_same(
    door: ScriptedDoor, wrapping: Wrapping
) -> None:
    script = "import os; os.mkdir('out'); file = open('out/model.safetensors', 'wb'); file.truncate(200 * 1024**3)"
    process = wrapping.start(wrapping.python(script), "--output-dir", "out")
    wait_for("the hashing", lambda: any(body["phase"] == "hash" for _, body in door.beats), 60)
    began = time.monotonic()
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=60)
    assert process.returncode == 0
    assert time.monotonic() - began < 30
    assert door.of_type("run.output-recorded")[0]["payload"]["digest"] is None
    assert door.types[-1] == "run.finished"


def test_outputs_of_a_command_that_failed_are_not_taken_for_its_weights(door: ScriptedDoor, wrapping: Wrapping) -> None:
    assert wrapping.run(wrapping.python(trainer(ROWS[:1], "raise SystemExit(1)")), "--output-dir", "out")[0] == 1
    assert door.of_type("run.output-recorded") == []
    end = the(door, "run.failed")
    assert (end["completed_steps"], end["final_weights"]) == (10, None)
