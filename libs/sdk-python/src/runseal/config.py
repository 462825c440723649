"""How a client reaches the server and where it spools: arguments over environment over defaults."""

from __future__ import annotations

import json
import math
import os
import re
from typing import NamedTuple, Optional, Union

from .environment import Environment
from .ids import is_uuid
from .say import Say, say_on_stderr


class ConfigError(ValueError):
    """Wrong arguments or environment variables, all faults at once. Never holds the key."""

    def __init__(self, faults: list[str]) -> None:
        super().__init__(f"Runseal is configured wrongly: {'; '.join(faults)}")
        self.faults = faults


class Config(NamedTuple):
    url: Optional[str]
    api_key: Optional[str]
    spool_dir: str
    spool_limit_bytes: float
    drain_s: float
    ca_file: Optional[str]
    say: Say


def read_config(
    environment: Environment,
    faults: list[str],
    *,
    url: Optional[str] = None,
    api_key: Optional[str] = None,
    spool_dir: Optional[str] = None,
    spool_limit_bytes: float = 1_000_000_000,
    drain_s: Optional[float] = None,
    ca_file: Optional[str] = None,
    say: Say = say_on_stderr,
) -> Config:
    """Raises a ConfigError with these faults and all that it finds."""
    given_drain = drain_s if drain_s is not None else environment.drain_s or 60
    config = Config(
        url=_check_url(url or environment.url, faults),
        api_key=_check_key(api_key or environment.api_key, faults),
        spool_dir=os.path.abspath(os.path.expanduser(spool_dir or environment.spool_dir or default_spool())),
        spool_limit_bytes=_check_number("spool_limit_bytes", spool_limit_bytes, faults),
        drain_s=_check_number("drain_s (RUNSEAL_DRAIN_S)", given_drain, faults),
        ca_file=_check_file(ca_file or environment.ca_file, faults),
        say=say,
    )
    if faults:
        raise ConfigError(faults)
    return config


def default_spool() -> str:
    return os.path.join(os.path.expanduser("~"), ".runseal", "spool")


def check_run_id(text: Optional[str], faults: list[str]) -> Optional[str]:
    """The id of a run to attach to."""
    if text is None or is_uuid(text):
        return text
    faults.append(f"run_id (RUNSEAL_RUN_ID) is no lower-case UUID: found {json.dumps(text)}")
    return None


def _check_url(text: Optional[str], faults: list[str]) -> Optional[str]:
    """The server's address as the TypeScript client writes it too: no trailing slash, no default port, host in lower case."""
    if text is None:
        return None
    from urllib.parse import urlsplit

    try:
        url = urlsplit(text.strip())
        host, port = url.hostname, url.port
    except ValueError:
        url, host, port = urlsplit(""), None, None
    if url.scheme not in ("http", "https") or not host:
        faults.append("url (RUNSEAL_URL) is no http or https address")
        return None
    if url.username or url.password or url.query or url.fragment:
        faults.append("url (RUNSEAL_URL) must carry no credentials, query or fragment")
        return None
    shown_host = f"[{host}]" if ":" in host else host
    default = {"http": 80, "https": 443}[url.scheme]
    shown_port = "" if port in (None, default) else f":{port}"
    return f"{url.scheme}://{shown_host}{shown_port}{url.path.rstrip('/')}"


def _check_key(key: Optional[str], faults: list[str]) -> Optional[str]:
    if key is not None and re.fullmatch(r"[\x21-\x7e]+", key) is None:
        faults.append("api_key (RUNSEAL_API_KEY) holds characters that no key has")
    return key


def _check_number(name: str, value: Union[float, str], faults: list[str]) -> float:
    try:
        number = float(value)
    except (TypeError, ValueError):
        number = math.nan
    if math.isfinite(number) and number >= 0:
        return number
    faults.append(f"{name} must be a number from 0, found {value!r}")
    return 0.0


def _check_file(path: Optional[str], faults: list[str]) -> Optional[str]:
    if path is None:
        return None
    try:
        with open(path, "rb"):
            return path
    except OSError as error:
        faults.append(f"ca_file (RUNSEAL_CA_FILE) cannot be read: {error.strerror}: {path}")
        return None
