"""Asks a server, for commands that show what it knows: sentences, JSON and exit codes are those of the program that comes with
it."""

from __future__ import annotations

import argparse
import errno
import json
import os
import re
import socket
import sys
import time
from collections.abc import Mapping
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Callable, NoReturn, Optional

from ..canonical_json import number_text
from ..delivery.credentials import find_credentials
from ..environment import read_environment
from ..version import CLIENT
from .command_line import NO, UNDETERMINED
from .terminal_text import cell, plain_text

if TYPE_CHECKING:
    import urllib.request

Json = dict[str, Any]

_TRIES = 3
_ANSWER_LIMIT_S = 60.0
_RUN_ID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\Z")
_PAGE, _PAGES_MAX, _NAMED_MAX = 1_000, 20, 10


class ReadingError(Exception):
    """An end that is told to a person; `status` is the server's, where it answered."""

    def __init__(self, message: str, exit_code: int = UNDETERMINED, status: int = 0, may_change: bool = False) -> None:
        super().__init__(message)
        self.exit_code = exit_code
        self.status = status
        #: Whether asking again may bring another answer.
        self.may_change = may_change


def answer(options: argparse.Namespace, work: Callable[[Reader], int]) -> int:
    """Does the work with the server that options, environment or credentials name; what goes wrong is told as JSON too."""
    try:
        return work(open_reader(options))
    except ReadingError as error:
        if is_json(options):
            print_line(json_text({"error": str(error)}))
        print(f"runseal: {chr(10).join(map(plain_text, str(error).split(chr(10))))}", file=sys.stderr)
        return error.exit_code


def open_reader(options: argparse.Namespace) -> Reader:
    environment = read_environment()
    try:
        own = find_credentials(os.getcwd())
    except (OSError, ValueError) as error:
        raise ReadingError(str(error)) from error
    url = getattr(options, "url", None) or environment.url or (own.url if own else None)
    if url is None:
        raise ReadingError('No server is named. Give --url or RUNSEAL_URL, or start one here: "runseal standalone".')
    if not _is_address(url):
        raise ReadingError(f'--url is "{url}", wanted an address such as http://127.0.0.1:7450.')
    base = url.rstrip("/")
    # A file's key goes to its own address only.
    key = own.api_key if own is not None and own.url.rstrip("/") == base else None
    return Reader(base, getattr(options, "key", None) or environment.api_key or key, environment.ca_file)


def _is_address(url: str) -> bool:
    from urllib.parse import urlsplit

    with suppress(ValueError):
        parts = urlsplit(url)
        return parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    return False


def is_json(options: argparse.Namespace) -> bool:
    return bool(getattr(options, "json", False))


def print_line(text: str) -> None:
    """Whoever reads our output may stop reading, as `head` does."""
    try:
        sys.stdout.buffer.write(f"{text}\n".encode(errors="replace"))
        sys.stdout.buffer.flush()
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)


class Reader:
    """The HTTP interface of a server. The key goes to this address only: redirects are refused."""

    def __init__(self, url: str, api_key: Optional[str], ca_file: Optional[str]) -> None:
        self.url = url
        self._api_key = api_key
        self._ca_file = ca_file

    def get(self, path: str) -> Any:
        """Asks again, twice at most, where the answer may be another one next time."""
        for tried in range(1, _TRIES + 1):
            try:
                return self._ask(path)
            except ReadingError as error:
                if tried == _TRIES or not error.may_change:
                    raise
                time.sleep(0.2 * 2**tried)
        raise AssertionError("the last try raises or returns")

    def post(self, path: str, body: Any) -> Any:
        return self._ask(path, json.dumps(body).encode())

    def _ask(self, path: str, body: Optional[bytes] = None) -> Any:
        import urllib.error
        import urllib.request

        headers = {"user-agent": CLIENT, "accept": "application/json"}
        if self._api_key is not None:
            headers["authorization"] = f"Bearer {self._api_key}"
        if body is not None:
            headers["content-type"] = "application/json"
        request = urllib.request.Request(self.url + path, body, headers)
        try:
            with self._opener().open(request, timeout=_ANSWER_LIMIT_S) as response:
                text = response.read()
        except urllib.error.HTTPError as error:
            self._refuse(path, error.code, error.read().decode(errors="replace"))
        except Exception as error:
            what = f"{self.url} gave no answer ({_reason(error)}). Check the address and that the server runs."
            raise ReadingError(what, may_change=True) from error
        try:
            # As JavaScript reads them: an integer that no double holds is the nearest one.
            return json.loads(text, parse_int=lambda digits: int(digits) if len(digits) < 16 else float(digits))
        except ValueError as error:
            what = f"{self.url} answered with what is no JSON. Is it a Runseal server?"
            raise ReadingError(what) from error

    def _opener(self) -> urllib.request.OpenerDirector:
        import urllib.request

        class Refuse(urllib.request.HTTPRedirectHandler):
            def redirect_request(self, *_: Any, **__: Any) -> None:
                return None

        handlers: list[urllib.request.BaseHandler] = [Refuse()]
        if self.url.startswith("https:"):
            import ssl

            context = ssl.create_default_context()
            if self._ca_file is not None:
                context.load_verify_locations(self._ca_file)
            handlers.append(urllib.request.HTTPSHandler(context=context))
        return urllib.request.build_opener(*handlers)

    def _refuse(self, path: str, status: int, text: str) -> NoReturn:
        problem: Any = None
        with suppress(ValueError):
            problem = json.loads(text)
        problem = problem if isinstance(problem, dict) else {}
        code = problem.get("code") if isinstance(problem.get("code"), str) else None
        detail = problem.get("detail") or problem.get("title") or text[:200] or "no explanation"
        is_no = 400 <= status < 500 and code != "invalid_request"
        # What our own services refuse they explain; anything else may come from a proxy, and its place tells more.
        if code is not None and status < 500 and status not in (401, 429):
            raise ReadingError(str(detail), NO if is_no else UNDETERMINED, status)
        message = f"{self.url}{path.partition('?')[0]} answered {status}: {detail}"
        if status == 401:
            raise ReadingError(f"{message} Give a key with --key or RUNSEAL_API_KEY.", UNDETERMINED, status)
        if status == 429 or status >= 500:
            raise ReadingError(message, UNDETERMINED, status, may_change=code != "not_signed_yet")
        raise ReadingError(message, NO if is_no else UNDETERMINED, status)


def find_run(reader: Reader, given: str) -> str:
    """The id of the run that a person means: its id, the beginning of it, or its whole name."""
    if _RUN_ID.match(given):
        return given
    found = _pick(_find_containing(reader, given), given) if given else []
    if len(found) == 1:
        return str(found[0]["run_id"])
    if not found:
        what = f'There is no run "{given}". Wanted an id, its beginning, or a name: see runseal runs.'
        raise ReadingError(what, NO)
    lines = [
        f"\n  {one['run_id']}  {cell(one['name'])}, {one['state']}{'' if one['ended_at'] is None else ' ' + one['ended_at']}"
        for one in found[:_NAMED_MAX]
    ]
    more = f"\n  and {len(found) - _NAMED_MAX} more" if len(found) > _NAMED_MAX else ""
    raise ReadingError(f'"{given}" fits {len(found)} runs, give an id:{"".join(lines)}{more}', NO)


def _pick(runs: list[Json], given: str) -> list[Json]:
    """A name that fits wholly comes before an id that begins so."""
    named = [one for one in runs if one["name"] == given]
    return named or [one for one in runs if one["run_id"].startswith(given)]


def _find_containing(reader: Reader, text: str) -> list[Json]:
    from urllib.parse import urlencode

    found: list[Json] = []
    cursor: Optional[str] = None
    for _ in range(_PAGES_MAX):
        query = {"q": text, "limit": str(_PAGE), **({} if cursor is None else {"cursor": cursor})}
        page = reader.get(f"/v1/runs?{urlencode(query)}")
        found += page["items"]
        cursor = page["next_cursor"]
        if cursor is None:
            return found
    raise ReadingError(f'"{text}" is in too many runs to look through, give an id.')


def json_text(value: Any) -> str:
    """JSON as JavaScript writes it: no spaces, its numbers, and names that are whole numbers first."""
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False)
    if isinstance(value, Mapping):
        ordered = sorted(value, key=lambda name: (0, int(name)) if _is_index(name) else (1, 0))
        return "{" + ",".join(f"{json_text(name)}:{json_text(value[name])}" for name in ordered) + "}"
    if isinstance(value, list):
        return "[" + ",".join(map(json_text, value)) + "]"
    if isinstance(value, float):
        return number_text(value)
    return json.dumps(value)


def _is_index(name: str) -> bool:
    return re.fullmatch(r"0|[1-9][0-9]{0,9}", name) is not None and int(name) < 2**32 - 1


def _reason(error: BaseException) -> str:
    cause = getattr(error, "reason", None) or error
    if isinstance(cause, socket.gaierror):
        return "EAI_AGAIN" if cause.errno == socket.EAI_AGAIN else "ENOTFOUND"
    number = getattr(cause, "errno", None)
    return errno.errorcode.get(number, str(cause)) if isinstance(number, int) else str(cause) or type(cause).__name__
