"""Posts events to the server, one request after the other over one connection."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Sequence
from importlib import import_module
from typing import TYPE_CHECKING, Any, NamedTuple, Optional, Union

from ..receipt import Known, Receipt, is_receipt
from ..spool.set_aside import Problem
from ..version import CLIENT

if TYPE_CHECKING:
    # Imported where they are used: a process that records to the spool only does not pay for them.
    import http.client
    import ssl
    from urllib.parse import SplitResult

TIMEOUT_S = 30.0
#: More than any answer to 500 events holds; a server that sends more is not ours.
_ANSWER_BYTES_MAX = 16 * 1024 * 1024


class Sealed(NamedTuple):
    receipts: list[Receipt]


class RefusedEvents(NamedTuple):
    """The refusal concerns what was sent."""

    problem: Problem


class EpochChanged(NamedTuple):
    epoch: int
    kept_size: int


class Hold(NamedTuple):
    """The refusal concerns the caller or the ledger: a person must do something."""

    problem: Problem


class Retry(NamedTuple):
    """The moment is bad."""

    why: str
    after_s: float = 0.0


Answer = Union[Sealed, RefusedEvents, EpochChanged, Hold, Retry]

#: The codes of refusals that the contracts know.
REFUSAL_CODES = frozenset(
    """invalid_json invalid_encoding invalid_number duplicate_key too_deep too_large too_many_events invalid_request
    invalid_event invalid_payload unknown_event_type unknown_event_version wrong_stream forbidden_event_type
    forbidden_stream secret_detected event_id_conflict version_conflict approvals_missing ledger_rewound epoch_changed
    ledger_behind head_store_empty not_open overloaded not_signed_yet ledger_not_opened not_alone epoch_not_newer
    kept_size_differs clock_skew""".split()
)


class Door:
    """Where events are sent. The key goes into one header and nowhere else. Not thread-safe: one sender uses it."""

    def __init__(self, url: str, api_key: str, ca_file: Optional[str] = None, timeout_s: float = TIMEOUT_S) -> None:
        _import_network()
        from urllib.parse import urlsplit

        self._url = urlsplit(url)
        self._api_key = api_key
        self._ca_file = ca_file
        self._timeout_s = timeout_s
        self._connection: Optional[http.client.HTTPConnection] = None
        self._proxy: Optional[SplitResult] = None

    def post(self, texts: Sequence[bytes], known: Optional[Known]) -> Answer:
        """Never raises: a network fault, a timeout or an answer that is not the server's own is `Retry`.

        Redirects are not followed, so that the key is shown to nobody else.
        """
        last = b"" if known is None else b',"known":' + json.dumps(known._asdict()).encode()
        body = b'{"events":[' + b",".join(texts) + b"]" + last + b"}"
        try:
            status, retry_after, text = self._exchange(body)
        except Exception as error:
            self.close()
            return Retry(_explain(error))
        return read_answer(status, retry_after, text, len(texts))

    def ask(self, path: str, body: bytes) -> tuple[int, dict[str, Any]]:
        """Posts to another path: the status (0: no answer) and the object that came back, empty where none did. Never raises."""
        try:
            status, _, text = self._exchange(body, path)
        except Exception:
            self.close()
            return 0, {}
        return status, _parse_object(text)

    def close(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()

    def _exchange(self, body: bytes, path: str = "/v1/events") -> tuple[int, Optional[str], bytes]:
        is_reused = self._connection is not None
        try:
            return self._request(body, path)
        except (ConnectionError, EOFError):
            # The server closes a connection that was idle for a while; that is no fault. RemoteDisconnected is one of these.
            self.close()
            if not is_reused:
                raise
        return self._request(body, path)

    def _request(self, body: bytes, path: str) -> tuple[int, Optional[str], bytes]:
        if self._connection is None:
            self._connection = self._connect()
        path = f"{self._url.path.rstrip('/')}{path}"
        headers = {
            "authorization": f"Bearer {self._api_key}",
            "content-type": "application/json",
            "user-agent": CLIENT,
        }
        if self._proxy is not None and self._url.scheme == "http":
            path = f"http://{self._url.netloc}{path}"
            headers.update(_proxy_headers(self._proxy))
        self._connection.request("POST", path, body, headers)
        response = self._connection.getresponse()
        text = response.read(_ANSWER_BYTES_MAX)
        if response.will_close or not response.isclosed():
            self.close()
        return response.status, response.getheader("retry-after"), text

    def _connect(self) -> http.client.HTTPConnection:
        import http.client

        host, port = self._url.hostname or "", self._url.port
        self._proxy = proxy = _find_proxy(self._url)
        if self._url.scheme == "https":
            context = self._trust()
            if proxy is None:
                return http.client.HTTPSConnection(host, port, timeout=self._timeout_s, context=context)
            tunnel = http.client.HTTPSConnection(
                proxy.hostname or "", proxy.port or 80, timeout=self._timeout_s, context=context
            )
            tunnel.set_tunnel(host, port or 443, _proxy_headers(proxy))
            return tunnel
        if proxy is not None:
            host, port = proxy.hostname or "", proxy.port or 80
        return http.client.HTTPConnection(host, port, timeout=self._timeout_s)

    def _trust(self) -> ssl.SSLContext:
        import ssl

        context = ssl.create_default_context()
        if self._ca_file is not None:
            # Beside the system's certificates, not in their place.
            context.load_verify_locations(self._ca_file)
        return context


def _import_network() -> None:
    """Imports here what the sending thread will use: a fork in the middle of an import leaves the child half a module."""
    for name in ("base64", "email.utils", "encodings.idna", "http.client", "ssl", "urllib.request"):
        import_module(name)


def read_answer(status: int, retry_after: Optional[str], text: bytes, count: int) -> Answer:
    """Pure part of `post`: what a status and a body mean for a request of `count` events."""
    body = _parse_object(text)
    if 200 <= status < 300:
        receipts = body.get("receipts")
        if isinstance(receipts, list) and len(receipts) == count and all(map(is_receipt, receipts)):
            return Sealed(receipts)
        return Retry("the answer holds no receipts: is this the address of Runseal?")
    problem = _read_problem(status, body)
    if status in (401, 403) or problem.code == "ledger_rewound":
        return Hold(problem)
    if problem.code == "epoch_changed":
        epoch, kept_size = body.get("epoch"), body.get("kept_size")
        if type(epoch) is int and type(kept_size) is int:
            return EpochChanged(epoch, kept_size)
        return Retry("epoch_changed without epoch and kept_size")
    if _blames_events(problem):
        return RefusedEvents(problem)
    code = f" ({problem.code})" if problem.code else ""
    return Retry(f"the server answered {status}{code}", read_retry_after(retry_after, time.time()))


def read_retry_after(header: Optional[str], now: float) -> float:
    """Seconds of a Retry-After header: a number or an HTTP date; 0 where there is none. At most ten minutes."""
    if header is None:
        return 0.0
    if re.fullmatch(r"[0-9]{1,9}", header):
        wait = float(header)
    else:
        from email.utils import parsedate_to_datetime

        try:
            wait = parsedate_to_datetime(header).timestamp() - now
        except (TypeError, ValueError, OverflowError):
            return 0.0
    return min(max(wait, 0.0), 600.0)


def find_guilty(problem: Problem, count: int) -> list[int]:
    """Which events of a refused request are at fault: the ones that the server names, or the only one there is.

    Empty where the server names none of several: then the request is halved and each half tried.
    """
    if count == 1:
        return [0]
    named = {error.get("index") for error in problem.errors}
    return sorted(index for index in named if type(index) is int and 0 <= index < count)


def refusal_code_of(problem: Problem) -> str:
    """The code under which an event is set aside."""
    return problem.code or ("too_large" if problem.status == 413 else "invalid_event")


def _blames_events(problem: Problem) -> bool:
    """Whether the refusal is about what was sent.

    A 400 that is not one of our codes (a proxy's, a broken transport's) could mean anything, and events are not set aside
    for that; a proxy's 413 means the same as ours.
    """
    if problem.status == 413:
        return True
    if problem.status == 409:
        return problem.code in ("event_id_conflict", "version_conflict")
    is_known = problem.code in REFUSAL_CODES
    return problem.status in (400, 422) and (is_known or any("index" in error for error in problem.errors))


def _read_problem(status: int, body: dict[str, Any]) -> Problem:
    code, errors = body.get("code"), body.get("errors")
    is_code = isinstance(code, str) and re.fullmatch(r"[a-z]+(?:_[a-z]+)*", code) is not None
    detail = str(body.get("detail") or body.get("title") or f"status {status}")[:1000]
    named = [error for error in errors if isinstance(error, dict)] if isinstance(errors, list) else []
    return Problem(status, code if is_code else None, detail, named)


def _parse_object(text: bytes) -> dict[str, Any]:
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}


def _find_proxy(url: SplitResult) -> Optional[SplitResult]:
    """The proxy that HTTPS_PROXY, HTTP_PROXY and NO_PROXY name for this address."""
    from urllib.parse import urlsplit
    from urllib.request import getproxies, proxy_bypass

    proxies = getproxies()
    address = proxies.get(url.scheme)
    if not address or proxy_bypass(url.netloc):
        return None
    return urlsplit(address if "://" in address else f"http://{address}")


def _proxy_headers(proxy: SplitResult) -> dict[str, str]:
    if proxy.username is None:
        return {}
    import base64
    from urllib.parse import unquote

    login = f"{unquote(proxy.username)}:{unquote(proxy.password or '')}"
    return {"proxy-authorization": f"Basic {base64.b64encode(login.encode()).decode()}"}


def _explain(error: Exception) -> str:
    import socket

    # Before Python 3.10 the one is not the other.
    if isinstance(error, (TimeoutError, socket.timeout)):
        return "the server did not answer in time"
    return str(error) or type(error).__name__
