"""The parser of the fallback engine: turns bytes into calls of a `FallbackScreen`.

pyte's own stream passes on any arguments that the remote sends, and raises if its screen does not take them
(`CSI > 4 ; 2 m` of vim is enough). Here one regular expression parses every sequence, and every argument is bounded
before use. Unknown sequences are dropped.
"""

import codecs
import re
from collections.abc import Callable

from natpass_tui.terminal.clipboard import CLIPBOARD_LIMIT, MOST_CLIPS, Clip, parse
from natpass_tui.terminal.fallback_screen import FallbackScreen

#: The most characters kept of an unfinished string.
_PENDING_LIMIT = 2 * CLIPBOARD_LIMIT
_REPLIES_LIMIT = 256
_TOKEN = re.compile(
    r"(?P<text>[^\x00-\x1f\x7f-\x9f]+)"
    r"|\x1b\[(?P<mark>[<=>?]?)(?P<params>[0-9:;]*)(?P<inter>[ -/]*)(?P<final>[@-~])"
    r"|\x1b\](?P<osc>[^\x07\x1b\x18\x1a]*)(?:\x07|\x1b\\|(?=[\x1b\x18\x1a]))"
    r"|\x1b[PX^_](?P<string>[^\x1b\x18\x1a]*)(?:\x1b\\|(?=[\x1b\x18\x1a]))"
    r"|\x1b(?P<esc>[ -/]*[0-OQ-WYZ\\`-~])"
    r"|(?P<control>[\x00-\x1a\x1c-\x1f\x7f-\x9f])"
)
_UNFINISHED_SEQUENCE = re.compile(r"\x1b(?:[ -/]*|\[[<=>?]?[0-9:;]*[ -/]*)\Z")
_UNFINISHED_STRING = re.compile(r"\x1b(?P<kind>[\]PX^_])[^\x1b\x18\x1a]*\Z")
_STRING_ENDS = {"]": re.compile(r"[\x07\x1b\x18\x1a]")}
_OTHER_STRING_ENDS = re.compile(r"[\x1b\x18\x1a]")
#: The most characters kept of an unfinished sequence: more than the numbers that are read.
_SEQUENCE_LIMIT = 256
#: The most screenfuls of repeated characters that one feed may draw: seven bytes ask for one, which takes 17 ms.
_REPEATS = 4
_SHAPES = {3: "underline", 4: "underline", 5: "bar", 6: "bar"}


class FallbackStream:
    """Feeds a screen; ``replies`` and ``clipboard`` collect until they are taken."""

    def __init__(self, screen: FallbackScreen) -> None:
        self._screen = screen
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._pending = ""
        #: The chunks of an unfinished string, None if there is none. They are not scanned again.
        self._string: list[str] | None = None
        self._string_size = 0
        self._last = " "
        self._repeats = 0
        self.replies: list[bytes] = []
        self.clipboard: list[Clip] = []
        call = _Calls(screen)
        self._csi: dict[str, Callable[[list[int]], None]] = call.table()

    def feed(self, data: bytes) -> None:
        """Parse some bytes."""
        text = self._pending + self._decoder.decode(data)
        self._pending = ""
        self._repeats = _REPEATS * self._screen.columns * self._screen.lines
        if self._string is not None:
            text = self._go_on(self._string, text)
        position = 0
        while position < len(text):
            match = _TOKEN.match(text, position)
            if match is None:
                if _UNFINISHED_STRING.match(text, position):
                    self._string, self._string_size = [], 0
                    self._keep(self._string, text[position:])
                    return
                if _UNFINISHED_SEQUENCE.match(text, position):
                    self._pending = text[position : position + _SEQUENCE_LIMIT]
                    return
                position += 1  # A lone Escape, or an invalid sequence.
                continue
            position = match.end()
            self._act(match)

    def _go_on(self, string: list[str], text: str) -> str:
        """Look for the end of the unfinished string in new text; return what remains to parse."""
        end = _STRING_ENDS.get(string[0][1], _OTHER_STRING_ENDS).search(text)
        if end is None:
            self._keep(string, text)
            return ""
        self._string = None
        if self._string_size <= _PENDING_LIMIT:
            return "".join(string) + text
        return text[end.start() :].removeprefix("\x07")

    def _keep(self, string: list[str], text: str) -> None:
        """Add to the unfinished string. If it is too long, keep only the start, which tells how it ends."""
        self._string_size += len(text)
        if self._string_size <= _PENDING_LIMIT:
            string.append(text)
        else:
            string[:] = [(string[0] if string else text)[:2]]

    def _act(self, match: re.Match[str]) -> None:
        match match.lastgroup:
            case "text":
                self._last = match["text"][-1]
                self._screen.draw(match["text"])
            case "final":
                self._control_sequence(match["mark"], match["params"], match["inter"], match["final"])
            case "osc":
                self._system_command(match["osc"])
            case "esc":
                self._escape(match["esc"])
            case "control":
                self._control(match["control"])
            case _:
                pass

    def _control(self, code: str) -> None:
        screen = self._screen
        match code:
            case "\x07":
                screen.bell()
            case "\b":
                screen.backspace()
            case "\t":
                screen.tab()
            case "\n" | "\v" | "\f":
                screen.linefeed()
            case "\r":
                screen.carriage_return()
            case "\x0e":
                screen.shift_out()
            case "\x0f":
                screen.shift_in()
            case _:
                pass

    def _escape(self, code: str) -> None:
        screen = self._screen
        match code:
            case "c":
                screen.reset()
            case "D":
                screen.index()
            case "E":
                screen.carriage_return()
                screen.index()
            case "M":
                screen.reverse_index()
            case "H":
                screen.set_tab_stop()
            case "7":
                screen.save_cursor()
            case "8":
                screen.restore_cursor()
            case "#8":
                screen.alignment_display()
            case "=" | ">":
                screen.application_keypad = code == "="
            case _ if len(code) == 2 and code[0] in "()":
                screen.define_charset(code[1], mode=code[0])

    def _system_command(self, content: str) -> None:
        command, _, argument = content.partition(";")
        if command in {"0", "2"}:
            self._screen.set_title(argument[:1024])
        elif command in {"10", "11"} and argument == "?":
            colours = self._screen.colours
            rgb = colours.foreground if command == "10" else colours.background
            self._reply(f"\x1b]{command};rgb:" + "/".join(f"{part:02x}{part:02x}" for part in rgb) + "\x1b\\")
        elif command == "52" and (clip := parse(argument)) is not None:
            self.clipboard = [*self.clipboard, clip][-MOST_CLIPS:]

    def _control_sequence(self, mark: str, params: str, inter: str, final: str) -> None:
        screen = self._screen
        numbers = [min(int(part.partition(":")[0][:6] or 0), 9999) for part in params.split(";")[:32]]
        match (mark, inter, final):
            case ("", "", "m"):
                screen.select_graphic_rendition(*_rendition(params))
            case ("", "", "b"):
                count = min(max(1, numbers[0]), screen.columns * screen.lines, self._repeats)
                self._repeats -= count
                screen.draw(self._last * count)
            case ("", "", "c"):
                self._reply("\x1b[?62;22c")
            case (">", "", "c"):
                self._reply("\x1b[>1;0;0c")
            case ("" | "?", "", "n"):
                self._status(mark, numbers[0])
            case ("?", "", "h" | "l"):
                screen.set_private(final == "h", *numbers)
            case ("?", "$", "p"):
                self._reply(f"\x1b[?{numbers[0]};{1 if numbers[0] in screen.private_modes else 2}$y")
            case ("", "!", "p"):
                screen.soft_reset()
            case ("", " ", "q"):
                screen.cursor_shape = _SHAPES.get(numbers[0], "block")
            case ("" | "?", "", _) if mark == "" or final in "JK":
                action = self._csi.get(final)
                if action is not None:
                    action(numbers)

    def _status(self, mark: str, what: int) -> None:
        if what == 5 and not mark:
            self._reply("\x1b[0n")
        elif what == 6:
            row, col = self._screen.cursor.y + 1, min(self._screen.cursor.x, self._screen.columns - 1) + 1
            self._reply(f"\x1b[{mark}{row};{col}R")

    def _reply(self, text: str) -> None:
        if len(self.replies) < _REPLIES_LIMIT:
            self.replies.append(text.encode())


class _Calls:
    """CSI sequences that map to one call of the screen, with its number of arguments."""

    def __init__(self, screen: FallbackScreen) -> None:
        self._screen = screen

    def table(self) -> dict[str, Callable[[list[int]], None]]:
        """Return handlers of the parameters, by final character."""
        s = self._screen
        one: dict[str, Callable[[int], None]] = {
            "@": s.insert_characters, "A": s.cursor_up, "B": s.cursor_down, "C": s.cursor_forward, "D": s.cursor_back,
            "E": s.cursor_down1, "F": s.cursor_up1, "G": s.cursor_to_column, "`": s.cursor_to_column,
            "J": s.erase_in_display, "K": s.erase_in_line, "L": s.insert_lines, "M": s.delete_lines,
            "P": s.delete_characters, "S": s.scroll_up, "T": s.scroll_down, "X": s.erase_characters, "Z": s.back_tab,
            "a": s.cursor_forward, "d": s.cursor_to_line, "e": s.cursor_down, "g": s.clear_tab_stop,
        }  # fmt: skip
        table: dict[str, Callable[[list[int]], None]] = {final: _first(call) for final, call in one.items()}
        table["H"] = table["f"] = lambda numbers: s.cursor_position(*[*numbers, 0][:2])
        table["r"] = lambda numbers: s.set_margins(numbers[0], (numbers[1] if len(numbers) > 1 else 0) or s.lines)
        table["h"] = lambda numbers: s.set_mode(*numbers)
        table["l"] = lambda numbers: s.reset_mode(*numbers)
        table["s"] = lambda _numbers: s.save_cursor()
        table["u"] = lambda _numbers: s.restore_cursor()
        return table


def _first(call: Callable[[int], None]) -> Callable[[list[int]], None]:
    return lambda numbers: call(numbers[0])


def _rendition(params: str) -> list[int]:
    """Return the numbers of an SGR sequence as pyte takes them: no sub-parameters, no colour out of range."""
    fields: list[str] = []
    for part in params.split(";")[:64]:
        head, *rest = part.split(":")
        if not rest:
            fields.append(head)
        elif head in {"38", "48", "58"}:
            kept = [field for field in rest if field]
            fields += [head, *(kept[:1] + kept[-3:] if kept[:1] == ["2"] else kept)]
        else:
            fields.append("24" if part == "4:0" else head)
    numbers = [min(int(field[:6] or 0), 9999) for field in fields]
    kept_numbers: list[int] = []
    index = 0
    while index < len(numbers):
        number = numbers[index]
        index += 1
        if number not in {38, 48, 58}:
            kept_numbers.append(number)
            continue
        size = {5: 2, 2: 4}.get(numbers[index] if index < len(numbers) else 0, 1)
        colour = numbers[index : index + size]
        index += size
        if number != 58 and len(colour) == size and size > 1 and max(colour) <= 255:
            kept_numbers += [number, *colour]
    return kept_numbers or [0] if not params or kept_numbers else []
