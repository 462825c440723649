"""Stands for the network's faults between a client and the server: it answers as the interface says, keeps what it has
"sealed", and can be told what to do with the next requests. The real server is tried elsewhere."""

from __future__ import annotations

import hashlib
import json
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Callable, NamedTuple, Optional

Json = dict[str, Any]


class Request(NamedTuple):
    events: list[Json]
    known: Optional[Json]
    authorization: Optional[str]
    #: The client's port: the same for requests over one connection.
    port: int


class Exchange:
    """One request and the means to answer it in the server's place."""

    def __init__(self, door: ScriptedDoor, handler: BaseHTTPRequestHandler, request: Request) -> None:
        self.door = door
        self.request = request
        self._handler = handler

    def seal(self) -> list[Json]:
        return self.door.seal(self.request.events)

    def answer(self, status: int, body: Json, **headers: str) -> None:
        data = json.dumps(body).encode()
        self._handler.send_response(status)
        self._handler.send_header("content-type", "application/json")
        self._handler.send_header("content-length", str(len(data)))
        for name, value in headers.items():
            self._handler.send_header(name.replace("_", "-"), value)
        self._handler.end_headers()
        self._handler.wfile.write(data)

    def hang_up(self) -> None:
        self._handler.close_connection = True
        self._handler.connection.close()


Fault = Callable[[Exchange], None]


def answer(status: int, body: Optional[Json] = None, **headers: str) -> Fault:
    return lambda exchange: exchange.answer(status, body or {}, **headers)


def problem(status: int, code: str, **more: Any) -> Fault:
    return answer(status, {"title": code, "status": status, "code": code, "detail": f"it is {code}", **more})


def reset(exchange: Exchange) -> None:
    """The connection breaks before anything is sealed."""
    exchange.hang_up()


def reset_after_commit(exchange: Exchange) -> None:
    """Sealed, but the answer never arrives."""
    exchange.seal()
    exchange.hang_up()


def silence(exchange: Exchange) -> None:
    """No answer for longer than anybody waits."""
    exchange.door.closing.wait(60)
    exchange.hang_up()


def slow(seconds: float) -> Fault:
    def fault(exchange: Exchange) -> None:
        time.sleep(seconds)
        exchange.door.reply(exchange)

    return fault


class ScriptedDoor:
    def __init__(self) -> None:
        self.requests: list[Request] = []
        #: In the order of their seq.
        self.sealed: list[Json] = []
        #: Taken from the front, one a request; then `always`, then the usual answer.
        self.faults: list[Fault] = []
        self.always: Optional[Fault] = None
        #: Paths and bodies of heartbeats, and what they are answered.
        self.beats: list[tuple[str, Json]] = []
        self.beat_answer: tuple[int, Json] = (200, {"lease_s": 0.3, "alerts": [], "stop": False})
        self.epoch = 0
        self.duplicates = 0
        self.closing = threading.Event()
        self._by_id: dict[str, tuple[str, Json]] = {}
        self._lock = threading.Lock()
        door = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            #: Headers and body in one packet, as a real server sends them.
            wbufsize = -1

            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["content-length"])))
                if self.path.endswith("/heartbeat"):
                    door.beats.append((self.path, body))
                    Exchange(door, self, Request([], None, None, 0)).answer(*door.beat_answer)
                    return
                request = Request(
                    body["events"], body.get("known"), self.headers["authorization"], self.client_address[1]
                )
                door.handle(Exchange(door, self, request))

            def log_message(self, format: str, *args: Any) -> None:
                pass

        class Server(ThreadingHTTPServer):
            daemon_threads = True

            def handle_error(self, request: Any, client_address: Any) -> None:
                pass

        self._server = Server(("127.0.0.1", 0), Handler)
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    @property
    def ids(self) -> list[str]:
        return [event["id"] for event in self.sealed]

    @property
    def types(self) -> list[str]:
        return [event["type"] for event in self.sealed]

    def of_type(self, event_type: str) -> list[Json]:
        return [event for event in self.sealed if event["type"] == event_type]

    @property
    def rows(self) -> list[Json]:
        return [row for event in self.of_type("run.metrics-logged") for row in event["payload"]["rows"]]

    def restore(self, kept_size: int) -> None:
        """Forgets all from `kept_size` on, as a restored backup does, and begins a new epoch."""
        for event in self.sealed[kept_size:]:
            del self._by_id[event["id"]]
        del self.sealed[kept_size:]
        self.epoch += 1

    def close(self) -> None:
        self.closing.set()
        self._server.shutdown()
        self._server.server_close()

    def handle(self, exchange: Exchange) -> None:
        with self._lock:
            self.requests.append(exchange.request)
            fault = self.faults.pop(0) if self.faults else self.always
        (fault or self.reply)(exchange)

    def reply(self, exchange: Exchange) -> None:
        conflicts = [
            {"index": index, "path": "/id"}
            for index, event in enumerate(exchange.request.events)
            if self._by_id.get(event["id"], (_text(event),))[0] != _text(event)
        ]
        if conflicts:
            problem(409, "event_id_conflict", errors=conflicts)(exchange)
        else:
            exchange.answer(201, {"receipts": exchange.seal()})

    def seal(self, events: list[Json]) -> list[Json]:
        receipts = []
        with self._lock:
            for event in events:
                text = _text(event)
                if event["id"] in self._by_id:
                    self.duplicates += 1
                    receipts.append({**self._by_id[event["id"]][1], "duplicate": True})
                    continue
                receipt = {
                    "id": event["id"],
                    "ledger": "default",
                    "epoch": self.epoch,
                    "seq": len(self.sealed),
                    "hash": hashlib.sha256(text.encode()).hexdigest(),
                    "sealed_at": time.strftime("%Y-%m-%dT%H:%M:%S.000Z", time.gmtime()),
                    "duplicate": False,
                }
                self._by_id[event["id"]] = (text, receipt)
                self.sealed.append(event)
                receipts.append(receipt)
        return receipts


def _text(event: Json) -> str:
    return json.dumps(event, sort_keys=True)
