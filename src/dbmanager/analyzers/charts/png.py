"""Charts as PNG, for what shows no SVG; by resvg, where it is installed and finds a font."""

from __future__ import annotations

from functools import cache
from importlib.util import find_spec

SCALE = 2
FAMILIES = ("Arial", "Helvetica", "DejaVu Sans", "Liberation Sans", "Noto Sans", "Segoe UI", "Verdana")
_FRAME = '<svg xmlns="http://www.w3.org/2000/svg" width="60" height="20">{}</svg>'
_WORD = '<text x="2" y="15" font-family="sans-serif" font-size="12">abc</text>'


def why_not() -> str | None:
    """Return why there is no PNG; None where there is."""
    if find_spec("resvg_py") is None:
        return "the package resvg-py is not installed: pip install 'dbmanager-mcp[charts]'"
    return None if _family() else f"none of the fonts {', '.join(FAMILIES)} is on this machine"


def png(svg: str) -> bytes:
    """Return an SVG as PNG, twice its size, on white. Ask `why_not` first."""
    return _rendered(svg, _family() or FAMILIES[0])


@cache
def _family() -> str | None:
    """Return a font that letters are drawn with: what resvg finds no font for it leaves out, and says nothing."""
    return next(
        (one for one in FAMILIES if _rendered(_FRAME.format(_WORD), one) != _rendered(_FRAME.format(""), one)), None
    )


def _rendered(svg: str, family: str) -> bytes:
    import resvg_py

    return bytes(resvg_py.svg_to_bytes(svg_string=svg, background="white", sans_serif_family=family, zoom=SCALE))
