"""What a status and a body mean, and how the server is reached."""

from __future__ import annotations

import json
import socket
import ssl
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Optional

import pytest
from scripted_door import ScriptedDoor, answer, reset

from runseal.delivery.door import (
    Door,
    EpochChanged,
    Hold,
    RefusedEvents,
    Retry,
    Sealed,
    find_guilty,
    read_answer,
    read_retry_after,
)
from runseal.receipt import Known
from runseal.spool.set_aside import Problem

EVENT = b'{"id":"a","type":"run.started"}'
RECEIPT = {"id": "a", "ledger": "l", "epoch": 0, "seq": 1, "hash": "a" * 64, "sealed_at": "now", "duplicate": False}


def read(status: int, body: object, count: int = 1, retry_after: Optional[str] = None) -> Any:
    return read_answer(status, retry_after, json.dumps(body).encode(), count)


def test_receipts_are_taken_only_whole() -> None:
    assert read(201, {"receipts": [RECEIPT]}) == Sealed([RECEIPT])  # type: ignore[list-item]
    bodies: list[object] = [
        {"receipts": []},
        {"receipts": [{}]},
        {"receipts": [{**RECEIPT, "hash": "x"}]},
        [],
        "page",
        {},
    ]
    for body in bodies:
        assert isinstance(read(200, body), Retry)


@pytest.mark.parametrize(
    ("status", "code", "kind"),
    [
        (400, "invalid_payload", RefusedEvents),
        (422, "secret_detected", RefusedEvents),
        (400, None, Retry),
        (400, "of_a_proxy", Retry),
        (409, "event_id_conflict", RefusedEvents),
        (409, "version_conflict", RefusedEvents),
        (409, "ledger_rewound", Hold),
        (409, "not_alone", Retry),
        (401, None, Hold),
        (403, "forbidden_stream", Hold),
        (413, None, RefusedEvents),
        (404, None, Retry),
        (302, None, Retry),
        (429, None, Retry),
        (503, "ledger_behind", Retry),
    ],
)
def test_what_concerns_the_events_is_told_from_what_concerns_the_moment(
    status: int, code: Optional[str], kind: type
) -> None:
    assert isinstance(read(status, {"code": code} if code else {}), kind)


def test_an_epoch_change_needs_its_numbers() -> None:
    assert read(409, {"code": "epoch_changed", "epoch": 2, "kept_size": 7}) == EpochChanged(2, 7)
    assert isinstance(read(409, {"code": "epoch_changed"}), Retry)


def test_a_400_that_names_events_concerns_them_whatever_its_code() -> None:
    assert isinstance(read(400, {"code": "new_one", "errors": [{"index": 0}]}), RefusedEvents)


@pytest.mark.parametrize(
    ("header", "wait"),
    [
        (None, 0),
        ("7", 7),
        ("100000", 600),
        ("Sun, 25 Jan 2026 10:00:30 GMT", 30),
        ("Sun, 25 Jan 2026 09:00:00 GMT", 0),
        ("soon", 0),
    ],
)
def test_retry_after_is_seconds_or_a_date(header: Optional[str], wait: float) -> None:
    assert read_retry_after(header, 1769335200) == wait


def test_the_guilty_are_those_who_are_named_or_the_only_one() -> None:
    def named(*indexes: object) -> Problem:
        return Problem(400, "invalid_payload", "", [{"index": index} for index in indexes])

    assert find_guilty(named(), 1) == [0]
    assert find_guilty(named(), 3) == []
    assert find_guilty(named(2, 0, 2, 9, -1, "1", None, True), 3) == [0, 2]


def test_one_connection_serves_many_requests_and_is_made_anew_when_the_server_closed_it(door: ScriptedDoor) -> None:
    client = Door(door.url, "rsk_key")
    events = [json.dumps({"id": str(count)}).encode() for count in range(4)]
    assert isinstance(client.post(events[:1], None), Sealed)
    assert isinstance(client.post(events[1:2], Known(0, 0, "a" * 64)), Sealed)
    assert len({request.port for request in door.requests}) == 1
    assert door.requests[0].authorization == "Bearer rsk_key"
    assert door.requests[1].known == {"epoch": 0, "seq": 0, "hash": "a" * 64}
    door.faults.append(reset)
    assert isinstance(client.post(events[2:3], None), Sealed)
    assert len(door.requests) == 4
    client.close()


def test_a_redirect_is_not_followed(door: ScriptedDoor) -> None:
    door.always = answer(307, {}, location=f"{door.url}/elsewhere")
    client = Door(door.url, "rsk_key")
    assert client.post([EVENT], None) == Retry("the server answered 307")
    assert len(door.requests) == 1
    client.close()


def test_a_server_that_is_away_or_silent_is_the_moments_fault() -> None:
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        port = listening.getsockname()[1]
        assert isinstance(Door(f"http://127.0.0.1:{port}", "k").post([EVENT], None), Retry)
        listening.listen()
        answer = Door(f"http://127.0.0.1:{port}", "k", timeout_s=0.2).post([EVENT], None)
        assert answer == Retry("the server did not answer in time")


class Proxy:
    """A proxy that counts: passes requests for http on by their address, tunnels for https."""

    def __init__(self) -> None:
        self.heads: list[str] = []
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.address = f"127.0.0.1:{self._listening.getsockname()[1]}"
        threading.Thread(target=self._serve, daemon=True).start()

    def close(self) -> None:
        self._listening.close()

    def _serve(self) -> None:
        while True:
            try:
                client, _ = self._listening.accept()
            except OSError:
                return
            threading.Thread(target=self._pass_on, args=(client,), daemon=True).start()

    def _pass_on(self, client: socket.socket) -> None:
        head = b""
        while b"\r\n\r\n" not in head:
            head += client.recv(65536)
        self.heads.append(head.partition(b"\r\n\r\n")[0].decode())
        method, target, _ = head.split(b" ", 2)
        place = target if method == b"CONNECT" else target.split(b"/")[2]
        host, _, port = place.decode().partition(":")
        server = socket.create_connection((host, int(port)))
        if method == b"CONNECT":
            client.sendall(b"HTTP/1.1 200 go on\r\n\r\n")
        else:
            server.sendall(head)
        threading.Thread(target=_pump, args=(server, client), daemon=True).start()
        _pump(client, server)


def _pump(source: socket.socket, sink: socket.socket) -> None:
    try:
        while data := source.recv(65536):
            sink.sendall(data)
        sink.shutdown(socket.SHUT_WR)
    except OSError:
        return


@pytest.fixture
def proxy() -> Iterator[Proxy]:
    proxy = Proxy()
    yield proxy
    proxy.close()


def test_http_goes_through_the_proxy_with_its_login(
    door: ScriptedDoor, proxy: Proxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("http_proxy", f"http://me:p%40ss@{proxy.address}")
    client = Door(door.url, "k")
    assert isinstance(client.post([EVENT], None), Sealed)
    client.close()
    assert proxy.heads[0].startswith(f"POST {door.url}/v1/events HTTP/1.1")
    assert "proxy-authorization: Basic bWU6cEBzcw==" in proxy.heads[0]


def test_no_proxy_is_honoured(door: ScriptedDoor, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    client = Door(door.url, "k")
    assert isinstance(client.post([EVENT], None), Sealed)
    client.close()


@pytest.fixture
def certificate(tmp_path: Path) -> Path:
    """A certificate of our own for 127.0.0.1, with its key in the same file."""
    path = tmp_path / "own.pem"
    command = "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=own"
    try:
        done = subprocess.run(
            [
                *command.split(),
                "-addext",
                "subjectAltName=IP:127.0.0.1",
                "-keyout",
                path,
                "-out",
                tmp_path / "cert.pem",
            ],
            capture_output=True,
            check=False,
        )
    except FileNotFoundError:
        pytest.skip("there is no openssl to make a certificate with")
    assert done.returncode == 0, done.stderr
    path.write_bytes(path.read_bytes() + (tmp_path / "cert.pem").read_bytes())
    return path


@pytest.fixture
def secure_door(door: ScriptedDoor, certificate: Path) -> ScriptedDoor:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    door._server.socket = context.wrap_socket(door._server.socket, server_side=True)
    return door


def test_a_certificate_of_ones_own_is_trusted_only_when_named(secure_door: ScriptedDoor, certificate: Path) -> None:
    url = secure_door.url.replace("http:", "https:")
    answer = Door(url, "k").post([EVENT], None)
    assert isinstance(answer, Retry)
    assert "certificate" in answer.why.lower()
    client = Door(url, "k", str(certificate.parent / "cert.pem"))
    assert isinstance(client.post([EVENT], None), Sealed)
    client.close()


def test_https_goes_through_a_tunnel(
    secure_door: ScriptedDoor, certificate: Path, proxy: Proxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("https_proxy", f"http://me:pw@{proxy.address}")
    client = Door(secure_door.url.replace("http:", "https:"), "secret_key", str(certificate.parent / "cert.pem"))
    assert isinstance(client.post([EVENT], None), Sealed)
    client.close()
    assert proxy.heads[0].startswith("CONNECT 127.0.0.1:")
    assert "secret_key" not in proxy.heads[0]
