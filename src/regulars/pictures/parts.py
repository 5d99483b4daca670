"""What every picture is made of: elements with presentation attributes, a palette, textures, a card and its words.

No picture has a script, a `<style>` or a `style` attribute, so a page with a strict Content-Security-Policy shows it.
It reads without colour: each fill has a texture of its own, and what differs bears its name. The same arguments give
the same bytes.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from html import escape

from regulars.wording.plain_text import clean

#: Fill and edge of each colour, with the contrast that WCAG asks of edges (3 : 1) and text (4.5 : 1).
COLOURS = {
    "blue": ("#d6e4ff", "#1d4ed8"),
    "yellow": ("#fdeeb8", "#a16207"),
    "green": ("#d3f3dc", "#15803d"),
    "magenta": ("#f3dcf9", "#86198f"),
    "cyan": ("#cff1f5", "#0e7490"),
    "red": ("#fcd9d6", "#b91c1c"),
    "white": ("#f0f1f3", "#57606a"),
    "black": ("#dfe3e8", "#3d444d"),
}
#: Card, text, weaker text and lines.
CARD, INK, WEAK, LINE = "#ffffff", "#1f2328", "#57606a", "#c8ced5"
TEXT, SMALL = 12, 11
FACES = "system-ui, -apple-system, 'Segoe UI', 'DejaVu Sans', sans-serif"

_ADVANCE = 0.62  # the width of a character in a sans-serif face, in its size; wider than most
_WIDE, _WIDEST = frozenset("mwMW@%"), 1.0  # and that of these

#: The lines of each texture, within a square of 8; the first has none.
_TEXTURES = (
    "",
    "M-2 2L2 -2M0 8L8 0M6 10L10 6",
    "M2 2h2v2h-2zM6 6h2v2h-2z",
    "M0 4H8",
    "M-2 6L2 10M0 0L8 8M6 -2L10 2",
    "M4 0V8",
    "M0 4H8M4 0V8",
    "M0 8L8 0M0 0L8 8",
)

Number = float | int


def element(name: str, /, *inner: str, **attributes: Number | str | None) -> str:
    """An element with its attributes, `_` for `-`; without those that are None. What is inside is markup already."""
    given = "".join(
        f' {key.rstrip("_").replace("_", "-")}="{escape(_said(value))}"'
        for key, value in attributes.items()
        if value is not None
    )
    return f"<{name}{given}>{''.join(inner)}</{name}>" if inner else f"<{name}{given}/>"


def _said(value: Number | str) -> str:
    return value if isinstance(value, str) else f"{round(value, 1):g}" if isinstance(value, float) else str(value)


def words(text: str) -> str:
    """Text as markup."""
    return escape(clean(text), quote=False)


def text(x: Number, y: Number, said: str, *, weak: bool = False, **attributes: Number | str | None) -> str:
    """A line of text, the weaker one smaller."""
    look: dict[str, Number | str | None] = {"fill": WEAK, "font_size": SMALL} if weak else {"fill": INK}
    return element("text", words(said), **{"x": x, "y": y, **look, **attributes})


def titled(said: str, *inner: str) -> str:
    """Elements that say something when they are pointed at, or read aloud."""
    return element("g", element("title", words(said)), *inner)


def width_of(said: str, size: int = TEXT) -> float:
    """The width of a text at most."""
    return sum(_WIDEST if each in _WIDE else _ADVANCE for each in said) * size


def picture(title: str, told: str, width: Number, height: Number, inner: Iterable[str]) -> str:
    """A picture on its card: `title` is drawn and is its name, `told` says the whole in words."""
    head = (
        element("title", words(title)),
        element("desc", words(told)),
        element("rect", width=width, height=height, rx=8, fill=CARD),
        text(16, 26, title, font_size=15, font_weight=600),
    )
    root = element(
        "svg",
        "\n",
        "\n".join((*head, *inner)),
        "\n",
        xmlns="http://www.w3.org/2000/svg",
        role="img",
        width=width,
        height=height,
        viewBox=f"0 0 {width:g} {height:g}",
        font_size=TEXT,
        font_family=FACES,
    )
    return f"{root}\n"


class Look:
    """The fill of one of several things: a colour with a texture of its own."""

    def __init__(self, place: int) -> None:
        self._colour = list(COLOURS)[place % len(COLOURS)]
        # From the ninth on colours go with other textures than before.
        self._texture = (place + place // len(_TEXTURES)) % len(_TEXTURES)
        self.fill = f"url(#regulars-{self._colour}-{self._texture})"
        self.edge = COLOURS[self._colour][1]

    def pattern(self) -> str:
        """The definition of the fill; that of its name is the same in every picture."""
        square = element("rect", width=8, height=8, fill=COLOURS[self._colour][0])
        lines = element("path", d=_TEXTURES[self._texture], stroke=self.edge, stroke_width=1, fill="none")
        name = f"regulars-{self._colour}-{self._texture}"
        return element("pattern", square, lines, id=name, width=8, height=8, patternUnits="userSpaceOnUse")


def looks(names: Sequence[str]) -> tuple[dict[str, Look], str]:
    """The look of each name, and the definitions that a picture of them needs."""
    found = {name: Look(place) for place, name in enumerate(names)}
    return found, element("defs", *(each.pattern() for each in found.values())) if found else ""


def legend(entries: Iterable[tuple[str, str]], left: float, right: float, y: float) -> tuple[list[str], float]:
    """Swatches with their names in as many lines as they need, and where the last of them ends."""
    drawn, x = [], left
    for swatch, name in entries:
        wide = 30 + width_of(name, SMALL)
        if x > left and x + wide > right:
            x, y = left, y + 18
        drawn.append(element("g", swatch, text(19, 9, name, weak=True), transform=f"translate({x:g} {y:g})"))
        x += wide
    return drawn, y + 18


def steps_to(highest: float) -> Iterator[int]:
    """Round numbers for an axis from 0 to one that is not below the highest: three to six of them."""
    size = 10 ** max(len(str(int(highest))) - 2, 0)
    step = next(each * size for each in (1, 2, 5, 10, 20, 50) if each * size * 5 >= highest)
    yield from range(0, int(-(-highest // step) * step) + 1, step)
