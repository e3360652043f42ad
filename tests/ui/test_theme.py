"""Colours can be read, icons take them, the choice holds."""

from __future__ import annotations

import pytest
from PySide6.QtWidgets import QApplication

from mlops_desktop.ui import icons
from mlops_desktop.ui.resources import resource
from mlops_desktop.ui.theme import DARK, LIGHT, Appearance, Colours, Tone, choose_appearance, colours, style_sheet
from mlops_desktop.ui.widgets.buttons import IconButton
from tests.ui.checks import contrast


@pytest.mark.parametrize("palette", [LIGHT, DARK], ids=["light", "dark"])
def test_every_text_can_be_read(palette: Colours) -> None:
    surfaces = [palette.window, palette.surface, palette.rail, palette.hover, palette.accent_soft]
    poor = [
        (text, behind)
        for text in ("text", "muted", "accent")
        for behind in surfaces
        if contrast(getattr(palette, text), behind) < 4.5
    ]
    poor += [
        (tone, behind)
        for tone in Tone
        for behind in (palette.window, palette.surface, palette.soft(tone))
        if contrast(palette.tone(tone), behind) < 4.5
    ]
    poor += [(n, "on_accent") for n in ("accent_fill", "accent_press", "critical_fill")
             if contrast(getattr(palette, n), palette.on_accent) < 4.5]  # fmt: skip
    assert poor == []


@pytest.mark.parametrize("palette", [LIGHT, DARK], ids=["light", "dark"])
def test_lines_of_charts_can_be_seen(palette: Colours) -> None:
    assert [s for s in palette.series if contrast(s, palette.surface) < 3] == []


def test_the_style_sheet_has_every_colour() -> None:
    for palette in (LIGHT, DARK):
        assert "$" not in style_sheet(palette)


def test_light_and_dark_can_be_chosen(theme: QApplication) -> None:
    button = IconButton("bell", "News")
    light = button.icon().pixmap(16).toImage()
    assert colours() is LIGHT
    choose_appearance(Appearance.DARK)
    assert colours() is DARK
    assert button.icon().pixmap(16).toImage() != light
    choose_appearance(Appearance.LIGHT)
    assert colours() is LIGHT


def test_every_icon_can_be_drawn() -> None:
    names = [path.stem for path in resource("icons").glob("*.svg")]
    assert len(names) > 50
    blank = [name for name in names if icons.pixmap(name, "#000000").toImage().allGray() is False]
    assert blank == []
    empty = [n for n in names if not _inked(n)]
    assert empty == []


def _inked(name: str) -> bool:
    image = icons.pixmap(name, "#000000", 24).toImage()
    return any(image.pixelColor(x, y).alpha() > 0 for x in range(24) for y in range(24))


def test_licences_lie_beside_what_they_cover() -> None:
    assert "ISC" in resource("icons", "LICENSE.lucide.txt").read_text(encoding="utf-8")
    assert "SIL Open Font License" in resource("themes", "fonts", "LICENSE.inter.txt").read_text(encoding="utf-8")
