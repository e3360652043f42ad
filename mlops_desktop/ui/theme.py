"""Colours, type and spacing of the window: Fusion with two palettes of our own and one short style sheet.

Nothing is kept here: which palette holds is read from the application's own palette, so a widget asks
`colours()` when it paints and repaints when Qt tells it that the palette changed.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from enum import StrEnum
from string import Template

from PySide6.QtCore import Qt
from PySide6.QtGui import QColor, QFont, QFontDatabase, QGuiApplication, QPalette
from PySide6.QtWidgets import QApplication, QWidget

from mlops_desktop.ui.resources import resource


class Appearance(StrEnum):
    """What the person chose."""

    SYSTEM = "system"
    LIGHT = "light"
    DARK = "dark"


class Tone(StrEnum):
    """What a colour means; the values are field names of `Colours`, their backgrounds end in `_soft`."""

    OK = "ok"
    WARNING = "warning"
    CRITICAL = "critical"
    UNKNOWN = "unknown"
    ACCENT = "accent"


@dataclass(frozen=True, slots=True)
class Colours:
    """One palette. Text colours reach a contrast of 4.5 on every surface they are used on (tests/ui/test_theme.py)."""

    name: str
    window: str  # behind cards
    surface: str  # cards, tables, fields
    rail: str
    hover: str
    border: str
    border_strong: str  # outlines of controls, 3:1 is reached by the text inside
    text: str
    muted: str
    accent: str  # links, lines, icons of what is selected
    accent_soft: str
    accent_fill: str  # primary buttons, check boxes
    accent_press: str
    on_accent: str
    ok: str
    ok_soft: str
    warning: str
    warning_soft: str
    critical: str
    critical_soft: str
    critical_fill: str
    unknown: str
    unknown_soft: str
    series: tuple[str, ...]  # lines of charts, told apart by hue and lightness

    def tone(self, tone: Tone) -> str:
        return str(getattr(self, tone.value))

    def soft(self, tone: Tone) -> str:
        return str(getattr(self, f"{tone.value}_soft"))


LIGHT = Colours(
    name="light",
    window="#F7F8FA",
    surface="#FFFFFF",
    rail="#F0F2F5",
    hover="#EDEFF3",
    border="#E2E5EB",
    border_strong="#C6CBD5",
    text="#1A1E26",
    muted="#5A6270",
    accent="#3550C8",
    accent_soft="#E8ECFC",
    accent_fill="#3D5BD9",
    accent_press="#2E48B8",
    on_accent="#FFFFFF",
    ok="#146C43",
    ok_soft="#E2F4E9",
    warning="#8A5300",
    warning_soft="#FDF1D8",
    critical="#B3261E",
    critical_soft="#FCE8E6",
    critical_fill="#B3261E",
    unknown="#565E6C",
    unknown_soft="#ECEEF2",
    series=("#3D5BD9", "#0E8A7D", "#B8620B", "#A6357F", "#6B4FC8", "#4A7A19", "#C2413A", "#2B7DB8"),
)
DARK = Colours(
    name="dark",
    window="#13151A",
    surface="#1B1E25",
    rail="#101216",
    hover="#252932",
    border="#2B303A",
    border_strong="#434A57",
    text="#E7E9EE",
    muted="#9CA4B2",
    accent="#93A9FF",
    accent_soft="#232C4D",
    accent_fill="#4562DE",
    accent_press="#3852C6",
    on_accent="#FFFFFF",
    ok="#62CE93",
    ok_soft="#17301F",
    warning="#F2BC62",
    warning_soft="#362A12",
    critical="#FF8F85",
    critical_soft="#3D1E1C",
    critical_fill="#C43A31",
    unknown="#A3ABB8",
    unknown_soft="#2A2E37",
    series=("#8AA2FF", "#45C4B4", "#F0A95B", "#E883C2", "#B29BFF", "#9CCB5F", "#FF8F85", "#6CBDF0"),
)

# Distances sit on a grid of 4.
XS, S, M, L, XL, XXL = 4, 8, 12, 16, 24, 32
RADIUS = 8
ROW_HEIGHT = 36
CONTROL_HEIGHT = 32

CAPTION, BODY, SECTION, TITLE, FIGURE = 12, 13, 14, 20, 24  # pixels
FAMILY = "Inter"


def colours() -> Colours:
    """The palette that holds now."""
    return DARK if QGuiApplication.palette().color(QPalette.ColorRole.Window).lightness() < 128 else LIGHT


def colour(text: str) -> QColor:
    return QColor(text)


def font(size: int = BODY, weight: QFont.Weight = QFont.Weight.Normal, *, tabular: bool = False) -> QFont:
    """The window's typeface; `tabular` gives every digit the same width, for columns of numbers."""
    result = QFont(QApplication.font())
    result.setPixelSize(size)
    result.setWeight(weight)
    if tabular:
        result.setFeature(QFont.Tag("tnum"), 1)
    return result


def mono_font(size: int = CAPTION) -> QFont:
    result = QFontDatabase.systemFont(QFontDatabase.SystemFont.FixedFont)
    result.setPixelSize(size)
    return result


def apply_theme(application: QApplication, appearance: Appearance) -> None:
    """Give the whole application one of the two palettes; SYSTEM follows the desktop now and when it changes."""
    scheme = {
        Appearance.SYSTEM: Qt.ColorScheme.Unknown,
        Appearance.LIGHT: Qt.ColorScheme.Light,
        Appearance.DARK: Qt.ColorScheme.Dark,
    }[appearance]
    application.styleHints().setColorScheme(scheme)
    dark = appearance is Appearance.DARK or (
        appearance is Appearance.SYSTEM and application.styleHints().colorScheme() is Qt.ColorScheme.Dark
    )
    wanted = DARK if dark else LIGHT
    if application.property("theme") == wanted.name:
        return
    application.setProperty("theme", wanted.name)
    application.setPalette(palette_of(wanted))
    application.setStyleSheet(style_sheet(wanted))


def install_theme(application: QApplication, appearance: Appearance) -> None:
    """Once at start: style, typeface, palette; afterwards the desktop's changes are followed."""
    application.setStyle("Fusion")
    for weight in ("Regular", "Medium", "SemiBold"):
        QFontDatabase.addApplicationFont(str(resource("themes", "fonts", f"Inter-{weight}.ttf")))
    base = QFont(FAMILY)
    base.setPixelSize(BODY)
    base.setHintingPreference(QFont.HintingPreference.PreferVerticalHinting)
    application.setFont(base)
    application.setProperty("appearance", appearance.value)
    apply_theme(application, appearance)

    def follow() -> None:
        chosen = Appearance(application.property("appearance"))
        if chosen is Appearance.SYSTEM:
            apply_theme(application, chosen)

    application.styleHints().colorSchemeChanged.connect(follow)


def choose_appearance(appearance: Appearance) -> None:
    """Change what the person sees from now on; storing the choice is the caller's."""
    application = QApplication.instance()
    if isinstance(application, QApplication):
        application.setProperty("appearance", appearance.value)
        apply_theme(application, appearance)


def palette_of(c: Colours) -> QPalette:
    role, group = QPalette.ColorRole, QPalette.ColorGroup
    palette = QPalette()
    for which, value in (
        (role.Window, c.window),
        (role.WindowText, c.text),
        (role.Base, c.surface),
        (role.AlternateBase, c.window),
        (role.ToolTipBase, c.surface),
        (role.ToolTipText, c.text),
        (role.PlaceholderText, c.muted),
        (role.Text, c.text),
        (role.Button, c.surface),
        (role.ButtonText, c.text),
        (role.BrightText, c.on_accent),
        (role.Light, c.surface),
        (role.Midlight, c.hover),
        (role.Mid, c.border_strong),
        (role.Dark, c.border_strong),
        (role.Shadow, c.border),
        (role.Highlight, c.accent_fill),
        (role.HighlightedText, c.on_accent),
        (role.Link, c.accent),
        (role.LinkVisited, c.accent),
        (role.Accent, c.accent_fill),
    ):
        palette.setColor(which, QColor(value))
    # What is disabled still says who may press it, so it has to be readable.
    for which in (role.WindowText, role.Text, role.ButtonText):
        palette.setColor(group.Disabled, which, QColor(c.muted))
    return palette


def style_sheet(c: Colours) -> str:
    values = {name: value for name, value in asdict(c).items() if isinstance(value, str)}
    images = resource("themes", c.name).as_posix()
    text = resource("themes", "window.qss").read_text(encoding="utf-8")
    return Template(text).substitute(values, images=images)


def set_role(widget: QWidget, role: str) -> None:
    """Let the style sheet see what a widget is for: `[role="card"]`."""
    if widget.property("role") != role:
        widget.setProperty("role", role)
        # Rules such as `[role="badge-ok"] QLabel` hold for the children too.
        for changed in (widget, *widget.findChildren(QWidget)):
            style = changed.style()
            style.unpolish(changed)
            style.polish(changed)
