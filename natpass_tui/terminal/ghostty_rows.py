"""Rows of libghostty's render state as lines of ANSI: only changed rows, with cells of one style joined to a run."""

from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pyghostty._ffi import ffi, lib
from pyghostty.core import init_sized

from natpass_tui.terminal.ansi import RESET
from natpass_tui.terminal.cells import cell_text

# A cell is 64 bits: what it holds (2), code point (21), ..., style (16) from bit 26, width (2) from bit 42.
_GRAPHEME, _PALETTE, _RGB = 1, 2, 3
_WIDE, _TAIL = 1, 2
_STYLE_SHIFT, _WIDTH_SHIFT = np.uint64(26), np.uint64(42)
_PLAIN_MASK = np.uint64(~(0x7F << 2) & ((1 << 44) - 1))
_BLANK_CONTROLS = bytes(code if 0x20 <= code < 0x7F else 0x20 for code in range(256))
_GRAPHEME_LIMIT = 32
_STYLES_LIMIT = 4096

_Cells = NDArray[np.uint64]


class RowPainter:
    """The render state of one terminal. Its cells may be read only between an update and the next write."""

    def __init__(self, terminal: Any) -> None:
        self._terminal = terminal
        self._state = ffi.new("GhosttyRenderState*")
        self._rows = ffi.new("GhosttyRenderStateRowIterator*")
        self._cells = ffi.new("GhosttyRenderStateRowCells*")
        for create, out in (
            (lib.ghostty_render_state_new, self._state),
            (lib.ghostty_render_state_row_iterator_new, self._rows),
            (lib.ghostty_render_state_row_cells_new, self._cells),
        ):
            if create(ffi.NULL, out):
                raise MemoryError
        self._dirty = ffi.new("GhosttyRenderStateDirty*")
        self._row = ffi.new("uint16_t*")
        self._view = ffi.new("GhosttyCellsView*")
        self._style = init_sized("GhosttyStyle")
        # Reading the struct's fields takes ten times as long as a lookup of its bytes in a cache.
        self._style_bytes = ffi.buffer(self._style)
        self._known_styles: dict[bytes, str] = {}
        self._false = ffi.new("bool*", False)
        self._clean = ffi.new("GhosttyRenderStateDirty*", lib.GHOSTTY_RENDER_STATE_DIRTY_FALSE)
        self._length = ffi.new("uint32_t*")
        self._forgotten = True

    def close(self) -> None:
        """Free the render state."""
        lib.ghostty_render_state_row_cells_free(self._cells[0])
        lib.ghostty_render_state_row_iterator_free(self._rows[0])
        lib.ghostty_render_state_free(self._state[0])

    def forget(self) -> None:
        """Report every row the next time."""
        self._forgotten = True

    def get(self, name: str, out: Any) -> None:
        """Read one value of the render state as of the last update."""
        lib.ghostty_render_state_get(self._state[0], getattr(lib, f"GHOSTTY_RENDER_STATE_DATA_{name}"), out)

    def changed_lines(self, rows: int, cols: int) -> Iterator[tuple[int, str]]:
        """Yield each row that changed since the last call, with its line."""
        if lib.ghostty_render_state_update(self._state[0], self._terminal):
            raise MemoryError
        self.get("DIRTY", self._dirty)
        everything = self._forgotten or self._dirty[0] == lib.GHOSTTY_RENDER_STATE_DIRTY_FULL
        if not everything and self._dirty[0] == lib.GHOSTTY_RENDER_STATE_DIRTY_FALSE:
            return
        self._forgotten = False
        self.get("ROW_ITERATOR", self._rows)
        iterator = self._rows[0]
        row = -1
        while True:
            if everything:
                if not lib.ghostty_render_state_row_iterator_next(iterator):
                    break
                row += 1
            else:
                if not lib.ghostty_render_state_row_iterator_next_dirty(iterator, self._row):
                    break
                row = self._row[0]
            if row >= rows:
                break
            lib.ghostty_render_state_row_get(iterator, lib.GHOSTTY_RENDER_STATE_ROW_DATA_CELLS_RAW, self._view)
            size = min(cols, self._view.len)
            raw = np.frombuffer(ffi.buffer(self._view.ptr, size * 8), dtype=np.uint64)
            yield row, self._line(raw, iterator) + " " * (cols - size)
            lib.ghostty_render_state_row_set(iterator, lib.GHOSTTY_RENDER_STATE_ROW_OPTION_DIRTY, self._false)
        lib.ghostty_render_state_set(self._state[0], lib.GHOSTTY_RENDER_STATE_OPTION_DIRTY, self._clean)

    def _line(self, raw: _Cells, iterator: Any) -> str:
        points = ((raw >> np.uint64(2)) & np.uint64(0x1FFFFF)).astype(np.uint32)
        if not (raw & _PLAIN_MASK).any():
            return points.astype(np.uint8).tobytes().translate(_BLANK_CONTROLS).decode("ascii")
        kinds = (raw & np.uint64(3)).astype(np.uint8)
        widths = ((raw >> _WIDTH_SHIFT) & np.uint64(3)).astype(np.uint8)
        coloured = kinds >= _PALETTE
        points[coloured] = 0
        simple = not (widths.any() or (kinds == _GRAPHEME).any() or (points >= 0x7F).any())
        lib.ghostty_render_state_row_get(iterator, lib.GHOSTTY_RENDER_STATE_ROW_DATA_CELLS, self._cells)
        text = points.astype(np.uint8).tobytes().translate(_BLANK_CONTROLS).decode("ascii") if simple else ""
        keys = (raw >> _STYLE_SHIFT) & np.uint64(0xFFFF)
        if coloured.any():
            keys = np.where(coloured, (raw & np.uint64(0x3FFFFFF)) | np.uint64(1 << 32), keys)
        bounds = [0, *(np.flatnonzero(keys[1:] != keys[:-1]) + 1).tolist(), len(raw)]
        if len(bounds) == 2 and not keys[0]:
            return self._run(points, kinds, widths, 0, len(raw))
        known: dict[int, str] = {0: RESET}
        parts: list[str] = []
        for start, end in pairwise(bounds):
            key = int(keys[start])
            sgr = known.get(key)
            if sgr is None:
                sgr = known[key] = _blank_sgr(int(raw[start])) if coloured[start] else self._style_sgr(start)
            parts.append(sgr)
            parts.append(text[start:end] if simple else self._run(points, kinds, widths, start, end))
        parts.append(RESET)
        return "".join(parts)

    def _run(self, points: Any, kinds: Any, widths: Any, start: int, end: int) -> str:
        """Return the text of cells ``start`` to ``end``, of which some are wide, joined or not ASCII."""
        parts: list[str] = []
        last = len(points)
        for col in range(start, end):
            width = widths[col]
            if width == _TAIL and col and widths[col - 1] == _WIDE:
                continue
            point = int(points[col])
            wide = width == _WIDE and col + 1 < last and widths[col + 1] == _TAIL
            if 0x20 <= point < 0x7F and kinds[col] != _GRAPHEME and not wide:
                parts.append(chr(point))
            elif point == 0 or 0xD800 <= point < 0xE000 or point > 0x10FFFF:
                parts.append("  " if wide else " ")
            else:
                cluster = self._cluster(col) if kinds[col] == _GRAPHEME else chr(point)
                parts.append(cell_text(cluster, 2 if wide else 1))
        return "".join(parts)

    def _cluster(self, col: int) -> str:
        """Return all code points of a cell that has more than one."""
        cells = self._cells[0]
        lib.ghostty_render_state_row_cells_select(cells, col)
        data = lib.GHOSTTY_RENDER_STATE_ROW_CELLS_DATA_GRAPHEMES_LEN
        lib.ghostty_render_state_row_cells_get(cells, data, self._length)
        # The library writes all of them: a hostile pile of accents is longer than any fixed buffer.
        buffer = ffi.new("uint32_t[]", max(1, self._length[0]))
        lib.ghostty_render_state_row_cells_get(cells, lib.GHOSTTY_RENDER_STATE_ROW_CELLS_DATA_GRAPHEMES_BUF, buffer)
        return "".join(map(chr, buffer[0 : min(self._length[0], _GRAPHEME_LIMIT)]))

    def _style_sgr(self, col: int) -> str:
        cells = self._cells[0]
        lib.ghostty_render_state_row_cells_select(cells, col)
        lib.ghostty_render_state_row_cells_get(cells, lib.GHOSTTY_RENDER_STATE_ROW_CELLS_DATA_STYLE, self._style)
        key = self._style_bytes[:]
        sgr = self._known_styles.get(key)
        if sgr is None:
            if len(self._known_styles) >= _STYLES_LIMIT:
                self._known_styles.clear()
            sgr = self._known_styles[key] = self._build_sgr()
        return sgr

    def _build_sgr(self) -> str:
        style = self._style
        codes = ["0"]
        flags = (
            (style.bold, "1"), (style.faint, "2"), (style.italic, "3"), (style.underline, "4"), (style.blink, "5"),
            (style.inverse, "7"), (style.invisible, "8"), (style.strikethrough, "9"), (style.overline, "53"),
        )  # fmt: skip
        codes += [code for flag, code in flags if flag]
        for colour, base in ((style.fg_color, 30), (style.bg_color, 40)):
            if colour.tag == lib.GHOSTTY_STYLE_COLOR_PALETTE:
                codes.append(_palette_code(colour.value.palette, base))
            elif colour.tag == lib.GHOSTTY_STYLE_COLOR_RGB:
                rgb = colour.value.rgb
                codes.append(f"{base + 8};2;{rgb.r};{rgb.g};{rgb.b}")
        sgr = f"\x1b[{';'.join(codes)}m"
        # In separate sequences and with colons: a terminal that does not know them ignores only these.
        if style.underline > 1:
            sgr += f"\x1b[4:{min(int(style.underline), 5)}m"
        if style.underline and style.underline_color.tag == lib.GHOSTTY_STYLE_COLOR_PALETTE:
            sgr += f"\x1b[58:5:{style.underline_color.value.palette}m"
        elif style.underline and style.underline_color.tag == lib.GHOSTTY_STYLE_COLOR_RGB:
            rgb = style.underline_color.value.rgb
            sgr += f"\x1b[58:2::{rgb.r}:{rgb.g}:{rgb.b}m"
        return sgr


def _palette_code(index: int, base: int) -> str:
    """Return the shortest code for a palette colour; ``base`` is 30 for the text and 40 for the background."""
    if index < 8:
        return str(base + index)
    if index < 16:
        return str(base + 52 + index)
    return f"{base + 8};5;{index}"


def _blank_sgr(cell: int) -> str:
    """Return the style of a cell that was erased with a background colour."""
    value = cell >> 2
    if cell & 3 == _PALETTE:
        return f"\x1b[0;{_palette_code(value & 255, 40)}m"
    return f"\x1b[0;48;2;{value & 255};{(value >> 8) & 255};{(value >> 16) & 255}m"
