"""The one rule for names, so that no name can become a path, a second spelling or a hidden character."""

from __future__ import annotations

import re
import unicodedata

from mlops_desktop.domain.errors import InvalidInput

SLUG = re.compile(r"[a-z0-9][a-z0-9._-]{0,62}")
# Windows refuses these as file names whatever the extension; a workspace may be moved there.
RESERVED = frozenset(
    {"con", "prn", "aux", "nul", *(f"com{n}" for n in range(1, 10)), *(f"lpt{n}" for n in range(1, 10))}
)
MAX_TEXT = 10_000


def check_name(name: str, what: str = "model") -> str:
    """Return `name` if it is a valid slug, otherwise raise InvalidInput with the rule and a suggestion."""
    if SLUG.fullmatch(name) and not name.endswith(".") and name.split(".")[0] not in RESERVED:
        return name
    suggestion = suggest_name(name)
    hint = "Use 1 to 63 lower-case letters, digits, dots, dashes and underscores, starting with a letter or digit"
    shown = "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in name)[:80]
    article = "an" if what[0] in "aeiou" else "a"
    raise InvalidInput(f"“{shown}” can't be {article} {what} name.", f"{hint}, for example “{suggestion}”.")


def suggest_name(text: str) -> str:
    """A valid slug that resembles `text`."""
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode().lower()
    slug = re.sub(r"[^a-z0-9._-]+", "-", plain).strip("-._")[:63]
    return slug if slug and slug.split(".")[0] not in RESERVED else f"my-{slug or 'model'}"


def check_text(text: str, what: str, limit: int = MAX_TEXT) -> str:
    """Return free text in NFC; control, format and surrogate characters are refused, as they hide what is read."""
    normal = unicodedata.normalize("NFC", text)
    if len(normal) > limit:
        raise InvalidInput(f"The {what} is longer than {limit:,} characters.", "Shorten it.")
    if any(unicodedata.category(c) in {"Cc", "Cf", "Cs"} and c not in "\n\t" for c in normal):
        raise InvalidInput(f"The {what} contains an invisible control character.", "Remove it and try again.")
    return normal
