"""What git knows of one file."""

from __future__ import annotations

import os
from typing import NamedTuple, Optional

from .git_state import _ask, read_git


class FileInGit(NamedTuple):
    #: Where the repository's files lie.
    root: str
    #: The address of `origin` without credentials, None where there is none.
    repository: Optional[str]
    #: 40 hex digits (64 in a repository of that kind); None where nothing is committed yet.
    commit: Optional[str]
    #: Whether the file is in the commit or at least staged.
    tracked: bool
    #: Whether the file differs from the commit; an untracked one does.
    dirty: bool
    #: Whether any tracked file differs from the commit.
    tree_dirty: bool


def find_in_git(path: str) -> Optional[FileInGit]:
    """What git says of a file or folder; None where no repository holds it, or there is no git. Never raises.

    Of a folder: whether all in it is as committed, files that git does not know among it.
    """
    place = os.path.realpath(path)
    folder = os.path.dirname(place)
    tree = read_git(folder)
    if tree is None:
        return None
    tracked = _ask(folder, "ls-files", "--", place)
    changed = _ask(folder, "status", "--porcelain", "--untracked-files=all", "--", place)
    is_tracked = bool(tracked)
    return FileInGit(
        tree.folder, tree.repository, tree.commit, is_tracked, not is_tracked or changed != "", tree.dirty is not False
    )
