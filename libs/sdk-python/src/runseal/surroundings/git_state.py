"""The commit that holds a file, and what a working tree holds beside it."""

from __future__ import annotations

import os
import subprocess
from typing import NamedTuple, Optional

from ..events.masking import mask_text

#: Of a diff; what is longer is not kept.
DIFF_BYTES_MAX = 1_000_000
#: A repository on a slow disk is given up after so many seconds.
_LIMIT_S = 20.0
#: Nothing of the user's configuration runs programs, and the index is left as it is.
_GIT = ("git", "-c", "core.fsmonitor=false", "-c", "core.quotepath=false")


class GitState(NamedTuple):
    #: Where the files lie.
    folder: str
    #: The address of `origin` without credentials, None where there is none.
    repository: Optional[str]
    #: None where nothing is committed yet.
    commit: Optional[str]
    #: Whether tracked files differ from the commit, or the file asked about is not in it.
    dirty: Optional[bool]


def read_git(path: str) -> Optional[GitState]:
    """The state of the repository that holds a file or folder; None where there is none, or no git. Never raises.

    Untracked files make a tree dirty only if `path` is one: outputs lie everywhere.
    """
    place = os.path.realpath(path)
    folder = place if os.path.isdir(place) else os.path.dirname(place)
    root = _ask(folder, "rev-parse", "--show-toplevel")
    if not root:
        return None
    changed = _ask(folder, "status", "--porcelain", "--untracked-files=no", "--ignore-submodules=none")
    dirty = None if changed is None else changed != ""
    if dirty is False and not os.path.isdir(place):
        dirty = _ask(folder, "ls-files", "--error-unmatch", "--", place) is None
    address = _ask(folder, "remote", "get-url", "origin")
    commit = _ask(folder, "rev-parse", "--verify", "HEAD") or None
    return GitState(root, mask_text(_without_login(address))[:1000] if address else None, commit, dirty)


def read_diff(state: GitState) -> Optional[str]:
    """How tracked files differ from the commit, secrets masked; None where they do not, or by more than a megabyte."""
    if state.commit is None or not state.dirty:
        return None
    text = _ask(state.folder, "diff", "--no-ext-diff", "--no-textconv", "--no-color", state.commit, strip=False)
    if not text or len(text.encode()) > DIFF_BYTES_MAX:
        return None
    return mask_text(text)


def _ask(folder: str, *arguments: str, strip: bool = True) -> Optional[str]:
    """What git answers; None where it refuses, is not there, or takes too long."""
    environment = {**os.environ, "GIT_OPTIONAL_LOCKS": "0", "GIT_TERMINAL_PROMPT": "0", "LC_ALL": "C"}
    try:
        done = subprocess.run(
            [*_GIT, "-C", folder, *arguments],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            env=environment,
            timeout=_LIMIT_S,
            check=False,
        )
    except (OSError, ValueError, RuntimeError, subprocess.SubprocessError):
        return None
    if done.returncode != 0:
        return None
    text = done.stdout.decode(errors="replace").replace("\0", "\ufffd")
    return text.strip() if strip else text


def _without_login(address: str) -> str:
    """An address over HTTP without user and password; of another kind as it is."""
    scheme, separator, rest = address.partition("://")
    if not separator or not scheme.startswith("http"):
        return address
    host, slash, path = rest.partition("/")
    return f"{scheme}://{host.rpartition('@')[2]}{slash}{path}"
