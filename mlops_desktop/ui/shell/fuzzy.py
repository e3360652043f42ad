"""Find what somebody means from a few of its letters."""

from __future__ import annotations


def score(wanted: str, text: str) -> int | None:
    """How well `wanted` fits, greater is better; None when its letters don't occur in order.

    Letters that follow one another, and those at the beginning of a word, count more; a long text counts less.
    """
    needle, hay = wanted.casefold().replace(" ", ""), text.casefold()
    if not needle:
        return 0
    found = hay.find(wanted.casefold().strip())
    total = 0 if found < 0 else 100 + (40 if found == 0 or not hay[found - 1].isalnum() else 0)
    at = -1
    for letter in needle:
        following = hay.find(letter, at + 1)
        if following < 0:
            return None
        if following == at + 1:
            total += 6
        elif following == 0 or not hay[following - 1].isalnum():
            total += 8
        else:
            total += 1
        at = following
    return total * 4 - len(hay) // 4
