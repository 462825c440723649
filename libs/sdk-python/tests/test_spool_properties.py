"""What was accepted is delivered once; what was torn is dropped and counted. For any course of events."""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path
from typing import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scripted_door import Exchange, ScriptedDoor, answer, problem, reset, reset_after_commit
from spools import KEY, config, disown, draft, open_spool, stored

from runseal.delivery.door import Door
from runseal.delivery.send_spool import send_spool
from runseal.delivery.sender import Sender
from runseal.say import Teller
from runseal.spool.layout import list_segments, segment_file
from runseal.spool.outbox import Outbox
from runseal.spool.segment import decode_segment, encode_entry
from runseal.spool.spool import Spool

bodies = st.lists(st.binary(min_size=1, max_size=60), max_size=6)


@given(bodies)
def test_segments_are_read_back_whole(written: list[bytes]) -> None:
    data = b"".join(map(encode_entry, written))
    assert decode_segment(data) == (written, len(data), "clean")


@given(bodies, st.data())
def test_a_segment_cut_anywhere_gives_the_entries_before_the_cut(written: list[bytes], data: st.DataObject) -> None:
    whole = b"".join(map(encode_entry, written))
    cut = data.draw(st.integers(0, len(whole)))
    segment = decode_segment(whole[:cut])
    count = len(segment.bodies)
    assert segment.bodies == written[:count]
    assert segment.sound_length == sum(8 + len(body) for body in written[:count])
    assert segment.end == ("clean" if segment.sound_length == cut else "torn")
    assert count == len(written) or cut - segment.sound_length < 8 + len(written[count])


@given(bodies.filter(bool), st.data())
def test_a_flipped_bit_costs_its_entry_and_those_behind_and_none_before(
    written: list[bytes], data: st.DataObject
) -> None:
    whole = bytearray(b"".join(map(encode_entry, written)))
    at = data.draw(st.integers(0, len(whole) * 8 - 1))
    whole[at // 8] ^= 1 << at % 8
    segment = decode_segment(bytes(whole))
    before, end = 0, 0
    for body in written:
        end += 8 + len(body)
        if end > at // 8:
            break
        before += 1
    assert segment.bodies == written[:before]
    assert segment.end != "clean"


Step = tuple[str, int]
steps = st.lists(
    st.one_of(
        st.tuples(st.just("accept"), st.integers(1, 20)),
        st.tuples(st.just("send"), st.integers(0, 6**3 - 1)),
        st.tuples(st.just("kill"), st.integers(0, 40)),
    ),
    min_size=1,
    max_size=12,
)
FAULTS: list[Callable[[Exchange], None]] = [
    reset,
    reset_after_commit,
    answer(500),
    problem(503, "unavailable"),
    problem(401, "unauthenticated"),
    answer(201, {"receipts": []}),
]


def _new_spool(root: str, door: ScriptedDoor) -> tuple[Spool, Sender]:
    spool = open_spool(root, url=door.url, segment_bytes=2000)
    outbox = Outbox(spool.folder)
    sender = Sender(root, outbox, Door(door.url, KEY), Teller(lambda line: None), declare=lambda set_aside: None)
    return spool, sender


def _kill(spool: Spool, torn_bytes: int) -> None:
    """A kill in the middle of writing an entry and of writing receipts: half of each at the end of its file."""
    disown(spool)
    numbers = list_segments(spool.folder)
    if not numbers or torn_bytes == 0:
        return
    half = bytes.fromhex("0000010001020304") + b"{" * 40
    with open(segment_file(spool.folder, numbers[-1]), "ab") as file:
        file.write(half[:torn_bytes])
    with open(os.path.join(spool.folder, f"{numbers[-1]}.ack"), "ab") as file:
        file.write(b'{"id":"01936b6e'[:torn_bytes])


@settings(max_examples=40)
@given(steps)
def test_nothing_accepted_is_lost_or_doubled_for_any_interleaving_of_accepting_faults_kills_and_restarts(
    course: list[Step],
) -> None:
    root, door = tempfile.mkdtemp(), ScriptedDoor()
    try:
        accepted: list[str] = []
        torn = 0
        spool, sender = _new_spool(root, door)
        for kind, number in course:
            if kind == "accept":
                for size in range(number):
                    one = draft(size * 10)
                    assert spool.accept(one, "permanent")
                    accepted.append(one.id)
            elif kind == "send":
                door.faults = [FAULTS[number // 6**place % 6] for place in range(3)]
                sender.send_all()
                sender.close()
            else:
                torn += bool(number and list_segments(spool.folder))
                _kill(spool, number)
                spool, sender = _new_spool(root, door)
        door.faults = []
        _kill(spool, 0)
        results = send_spool(config(root, door.url, drain_s=20))
        # A folder in which nothing ever lay is deleted.
        assert all(one.pending == 0 and one.outcome in ("delivered", "deleted") for one in results)
        assert sum(one.torn for one in results) == torn
        assert sorted(door.ids) == sorted(accepted)
        for folder in results:
            seqs = [event["producer"]["seq"] for event in door.sealed if event["producer"]["id"] == folder.producer]
            assert seqs == list(range(len(seqs)))
    finally:
        door.close()
        shutil.rmtree(root)


@pytest.mark.parametrize("names_the_guilty", [True, False])
def test_one_poison_among_ten_thousand_is_set_aside_alone(
    names_the_guilty: bool, door: ScriptedDoor, spool_dir: str
) -> None:
    def refuse_poison(exchange: Exchange) -> None:
        guilty = [
            index
            for index, event in enumerate(exchange.request.events)
            if "poison" in event["payload"].get("parameters", {})
        ]
        if guilty:
            named = [{"index": index} for index in guilty] if names_the_guilty else []
            problem(400, "invalid_payload", errors=named)(exchange)
        else:
            door.reply(exchange)

    spool = open_spool(spool_dir, url=door.url)
    drafts = [draft(name="poison" if number == 7_345 else "food") for number in range(10_000)]
    for one in drafts:
        assert spool.accept(one, "permanent")
    disown(spool)
    door.always = refuse_poison
    (result,) = send_spool(config(spool_dir, door.url, drain_s=60))
    assert (result.set_aside, result.pending, result.torn) == (1, 0, 0)
    sealed = [event["id"] for event in door.sealed if event["type"] != "run.events-dropped"]
    assert sealed == [one.id for one in drafts if "poison" not in one.payload]
    assert [path.stem for path in (Path(spool_dir) / "refused").iterdir()] == [drafts[7_345].id]
    assert door.of_type("run.events-dropped")[0]["payload"]["set_aside"][0]["producer"]["seq"] == 7_345
    assert len(stored(spool.folder)) == 10_001
