"""Converts Textual's SVG to a PNG."""

from pathlib import Path

import resvg_py

from natpass_wire.errors import UserError

#: Where distributions install DejaVu Sans Mono, the screenshots' font.
_FONTS = (
    Path("/usr/share/fonts/truetype/dejavu"),
    Path("/usr/share/fonts/dejavu-sans-mono-fonts"),
    Path("/usr/share/fonts/TTF"),
    Path("/usr/local/share/fonts"),
    Path("/Library/Fonts"),
)
_FILES = ("DejaVuSansMono.ttf", "DejaVuSansMono-Bold.ttf")
#: Textual's cells are for Fira Code, 12.2 wide at 20 px; a character of DejaVu Sans Mono is 0.60205 em.
_SIZE = 12.2 / 0.60205


def fonts() -> list[str]:
    """Return the font's files.

    Raises:
        UserError: it is not installed.
    """
    for folder in _FONTS:
        files = [folder / name for name in _FILES]
        if all(file.exists() for file in files):
            return [str(file) for file in files]
    raise UserError("the pictures need DejaVu Sans Mono: apt install fonts-dejavu-core")


def write(svg: str, file: Path) -> None:
    """Write Textual's export as a PNG."""
    svg = svg.replace("Fira Code", "DejaVu Sans Mono").replace("font-size: 20px", f"font-size: {_SIZE:.3f}px")
    # The emulated terminal's default background is transparent: Textual draws ours under it.
    svg = svg.replace("#292929", "#101010")
    png = resvg_py.svg_to_bytes(svg_string=svg, font_files=fonts(), skip_system_fonts=True)
    file.write_bytes(bytes(png))
