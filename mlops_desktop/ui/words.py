"""Times and numbers in the words that the window uses everywhere."""

from __future__ import annotations

from datetime import datetime, timedelta

MACHINE = "mlops-desktop"  # the actor of what no person did


def told(actor: str, sentence: str) -> str:
    """“dan registered …”; what the machine did begins with its own sentence."""
    return f"{actor} {sentence}" if actor and actor != MACHINE else sentence[:1].upper() + sentence[1:]


def ago(moment: datetime, now: datetime) -> str:
    """“3 min ago”; the date when it was more than a week."""
    seconds = (now - moment).total_seconds()
    if seconds < 45:
        return "just now"
    for limit, size, unit in ((3_600, 60, "min"), (86_400, 3_600, "h"), (7 * 86_400, 86_400, "d")):
        if seconds < limit:
            return f"{max(1, round(seconds / size))} {unit} ago"
    return f"{moment.astimezone():%d %b %Y}"


def exactly(moment: datetime) -> str:
    """Local date and time to the second, for tool tips."""
    return f"{moment.astimezone():%d %b %Y, %H:%M:%S}"


def lasting(span: timedelta | float) -> str:
    """“4 min”, “3 h”, “2 d”."""
    seconds = span.total_seconds() if isinstance(span, timedelta) else span
    if seconds < 60:
        return f"{seconds:.0f} s"
    if seconds < 3_600:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3_600:.0f} h" if seconds < 2 * 86_400 else f"{seconds / 86_400:.0f} d"


def count(number: int, one: str, many: str = "") -> str:
    """“1 model”, “3 models”."""
    return f"{number:,} {one if number == 1 else many or one + 's'}"


def size(number: int) -> str:
    """Bytes in binary units."""
    amount = float(number)
    for unit in ("B", "KiB", "MiB", "GiB"):
        if amount < 1024 or unit == "GiB":
            return f"{amount:.0f} {unit}" if unit == "B" else f"{amount:.1f} {unit}"
        amount /= 1024
    return ""
