"""Reduces 24-bit colours to those of a terminal, and builds the escape sequences that select them.

All depths start from 15 bits (5 a channel). A picture of a screen loses nothing visible, and takes half as many bytes,
since neighbours are equal more often.
"""

from enum import Enum
from functools import cache

import numpy as np
from numpy.typing import NDArray

_LEVELS = 32
#: Each 5-bit level as an 8-bit value.
_SHOWN = tuple(level * 255 // (_LEVELS - 1) for level in range(_LEVELS))
#: xterm's 256 colours: a cube of six levels a channel from 16 on, and a ramp of 24 greys from 232 on. The sixteen
#: before them are left out: users choose them.
_CUBE = (0, 95, 135, 175, 215, 255)
_GREYS = tuple(range(8, 239, 10))
#: The sixteen colours as xterm shows them; terminals differ.
_SIXTEEN = (
    (0, 0, 0), (205, 0, 0), (0, 205, 0), (205, 205, 0), (0, 0, 238), (205, 0, 205), (0, 205, 205), (229, 229, 229),
    (127, 127, 127), (255, 0, 0), (0, 255, 0), (255, 255, 0), (92, 92, 255), (255, 0, 255), (0, 255, 255),
    (255, 255, 255),
)  # fmt: skip


class Depth(Enum):
    """The number of a terminal's colours."""

    TRUE = 24
    PALETTE_256 = 8
    PALETTE_16 = 4


def quantise(picture: NDArray[np.uint8], depth: Depth = Depth.TRUE) -> NDArray[np.uint16]:
    """Return each pixel's index into `sequences` of the same depth: shape (height, width)."""
    five = (picture >> 3).astype(np.uint16)
    colours = ((five[..., 0] << 10) | (five[..., 1] << 5) | five[..., 2]).astype(np.uint16, copy=False)
    return colours if depth is Depth.TRUE else _nearest(depth)[colours]


def grey(picture: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return the picture in greys, by luminance (ITU-R BT.601), for users without colours."""
    luminance = picture @ np.array([0.299, 0.587, 0.114], np.float32)
    return np.repeat((luminance + 0.5).astype(np.uint8)[..., None], 3, axis=2)


def shown(depth: Depth) -> NDArray[np.uint8]:
    """Return the colour of every entry of `sequences`: shape (entries, 3)."""
    if depth is Depth.TRUE:
        levels = np.array(_SHOWN, np.uint8)
        return np.stack(np.meshgrid(levels, levels, levels, indexing="ij"), axis=-1).reshape(-1, 3)
    if depth is Depth.PALETTE_16:
        return np.array(_SIXTEEN, np.uint8)
    cube = [(r, g, b) for r in _CUBE for g in _CUBE for b in _CUBE]
    return np.array(cube + [(level, level, level) for level in _GREYS], np.uint8)


@cache
def sequences(depth: Depth) -> tuple[list[str], list[str]]:
    """Return the SGR parameters that select each colour of this depth: as foreground, as background."""
    if depth is Depth.PALETTE_16:
        codes = [index + 30 if index < 8 else index + 82 for index in range(16)]
        return [str(code) for code in codes], [str(code + 10) for code in codes]
    if depth is Depth.PALETTE_256:
        names = [f"5;{index + 16}" for index in range(len(shown(depth)))]
    else:
        names = [f"2;{r};{g};{b}" for r, g, b in shown(depth).tolist()]
    return [f"38;{name}" for name in names], [f"48;{name}" for name in names]


@cache
def _nearest(depth: Depth) -> NDArray[np.uint16]:
    """Return for every 15-bit colour the index of the nearest palette colour, by weighted distance."""
    palette = shown(depth).astype(np.int32)
    colours = shown(Depth.TRUE).astype(np.int32)
    weights = np.array([2, 4, 3], np.int32)  # the eye sees green best
    nearest = np.empty(len(colours), np.uint16)
    for start in range(0, len(colours), 1024):  # in parts: the whole table of distances would take 90 MB
        part = colours[start : start + 1024, None, :] - palette[None, :, :]
        nearest[start : start + 1024] = (part * part * weights).sum(axis=2).argmin(axis=1)
    return nearest
