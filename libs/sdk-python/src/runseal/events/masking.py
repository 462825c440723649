"""Takes secrets out of what is recorded, before anything is written."""

from __future__ import annotations

import re
from typing import Any

MASK = "[masked]"

#: Shapes of credentials that are told by their look alone; at least what the server refuses as `secret_detected`.
_SHAPES = re.compile(
    r"\bhf_[A-Za-z0-9]{30,}"
    r"|\bsk-(?:[A-Za-z0-9_]{1,40}-){0,4}(?=[A-Za-z_]{0,40}[0-9])[A-Za-z0-9_]{20,}"
    r"|\bAKIA[0-9A-Z]{16}\b"
    r"|(?<![A-Za-z0-9_-])eyJ[A-Za-z0-9_-]{8,}\.eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}"
    r"|-----BEGIN (?:[A-Z0-9]+ )*PRIVATE KEY-----[\s\S]*?(?:-----END (?:[A-Z0-9]+ )*PRIVATE KEY-----|\Z)",
    re.ASCII,
)
#: `name: value`, `name=value`, `"name": "value"` and `--name value` in YAML, logs, diffs and command lines. What may stand
#: around the word is bounded, so that no text takes more than linear time.
_ASSIGNMENTS = re.compile(
    r"""(?<![\w.-])(?P<name>[\w.-]{0,100}?(?:token|secret|passw|passphrase|api[_-]?key|(?:access|private)[_-]?key)[\w.-]{0,100})"""
    r"""(?P<between>["']?[ \t]*[:=][ \t]*["']?|[ \t]+(?=[^\s=:]))(?P<value>[^\s"',;&{}\[\]]+)""",
    re.ASCII | re.IGNORECASE,
)
_LOGINS = re.compile(r"(?<=://)([^/\s:@]*):[^/\s@]+(?=@)")
_WORDS = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[0-9]+")
_ALWAYS = re.compile(r"secret|passw(?:or)?d|passphrase|api_?key|access_?key|private_?key")
#: `pad_token` and its kind are words of a tokenizer.
_TOKENS_OF_TEXT = frozenset(
    "pad eos bos unk sep cls mask image video audio special stop start end begin new prefix suffix first last next".split()
)
#: What switches or names a place rather than tells the secret.
_HARMLESS = frozenset(["", "true", "false", "none", "null", MASK])


def is_secret_name(name: str) -> bool:
    """Whether what goes by this name is a credential: token, secret, password, api_key and their kind."""
    words = [word.lower() for word in _WORDS.findall(name)]
    if words and words[-1] in ("path", "file", "dir"):
        return False
    if _ALWAYS.search("_".join(words)) is not None:
        return True
    return words[-1:] == ["token"] and not _TOKENS_OF_TEXT.issuperset(words[-2:-1] or ["a"])


def mask_text(text: str) -> str:
    """The text without what looks like a credential: by its shape, by the name before it, or as the login in an address."""
    text = _SHAPES.sub(MASK, text)
    text = _LOGINS.sub(rf"\1:{MASK}", text)
    return _ASSIGNMENTS.sub(_without_value, text)


def mask_secrets(value: Any, path: str = "") -> tuple[Any, list[str]]:
    """A copy without secrets, and the JSON pointers of what was masked (below `path`)."""
    if isinstance(value, str):
        text = mask_text(value)
        return text, [] if text == value else [path]
    if isinstance(value, (list, tuple)):
        return _join([mask_secrets(one, f"{path}/{index}") for index, one in enumerate(value)])
    if not isinstance(value, dict):
        return value, []
    members: dict[Any, Any] = {}
    masked: list[str] = []
    for name, member in value.items():
        shown = mask_text(name) if isinstance(name, str) else name
        place = f"{path}/{str(shown).replace('~', '~0').replace('/', '~1')}"
        if isinstance(name, str) and is_secret_name(name) and _tells(member):
            members[shown], found = (
                _join([(MASK, [place])] * len(member)) if isinstance(member, list) else (MASK, [place])
            )
        else:
            members[shown], found = mask_secrets(member, place)
        masked += found if shown == name else [*found, place]
    return members, list(dict.fromkeys(masked))


def _without_value(found: re.Match[str]) -> str:
    name, between, value = found["name"], found["between"], found["value"]
    is_assigned = between.strip(" \t\"'") != "" or name.startswith("--")
    if not is_assigned or value.lower() in _HARMLESS or not is_secret_name(name.lstrip("-.")):
        return found[0]
    return f"{name}{between}{MASK}"


def _join(parts: list[tuple[Any, list[str]]]) -> tuple[list[Any], list[str]]:
    return [value for value, _ in parts], [place for _, places in parts for place in places]


def _tells(value: Any) -> bool:
    """Numbers, switches and objects by a secret's name tell nothing; texts, and lists of texts, do."""
    if isinstance(value, list):
        return bool(value) and all(isinstance(one, str) for one in value)
    return isinstance(value, str) and value.lower() not in _HARMLESS
