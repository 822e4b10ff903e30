"""The palette's commands as plain text: what it shows holds remote words, and Textual's own provider reads markup."""

from collections.abc import Sequence
from typing import Any, cast

from textual.app import SystemCommand
from textual.command import DiscoveryHit, Hit, Hits, Provider
from textual.content import Content
from textual.style import Style


class ConsoleCommands(Provider):
    """Offers the application's `get_system_commands`.

    Everything is handed on as `Content`, which is never parsed: a host may be called ``[@click=app.quit]``. The search
    takes a time linear in the title, while Textual's tries every way to match: an agent could choose an id that
    takes it minutes.
    """

    async def discover(self) -> Hits:
        """Yield all commands, by name."""
        for command in sorted(self._commands(), key=lambda command: command.title):
            yield DiscoveryHit(Content(command.title), command.callback, command.title, _help(command))

    async def search(self, query: str) -> Hits:
        """Yield the commands whose title matches."""
        style = self.match_style or Style(reverse=True)
        for command in self._commands():
            score, offsets = match(query, command.title)
            if not score:
                continue
            shown = Content(command.title)
            for offset in offsets:
                shown = shown.stylize(style, offset, offset + 1)
            yield Hit(score, shown, command.callback, command.title, _help(command))

    def _commands(self) -> list[SystemCommand]:
        app: Any = self.app
        return list(app.get_system_commands(self.screen))


def match(query: str, title: str) -> tuple[float, Sequence[int]]:
    """Tell how well `query` matches `title`, 0 (not at all) to 1, and which characters of the title it matches.

    Best is the query itself, then all of its words, then its letters in their order.
    """
    wanted, text = _lower(query.strip()), _lower(title)
    if not wanted:
        return 0.0, ()
    brevity = 1 / (len(text) + 10)  # of two titles that match alike, the shorter one is meant
    found = text.find(wanted)
    if found >= 0:
        return 0.9 + brevity, range(found, found + len(wanted))
    words = wanted.split()
    places = [text.find(word) for word in words]
    if min(places) >= 0:
        return 0.6 + brevity, [
            place + index for word, place in zip(words, places, strict=True) for index in range(len(word))
        ]
    offsets: list[int] = []
    for letter in "".join(words):
        place = text.find(letter, offsets[-1] + 1 if offsets else 0)
        if place < 0:
            return 0.0, ()
        offsets.append(place)
    return 0.3 + brevity, offsets


def _lower(text: str) -> str:
    """Lower case, one character for one: the offsets are those of the original."""
    return "".join(lower if len(lower := character.lower()) == 1 else character for character in text)


def _help(command: SystemCommand) -> str | None:
    """Return the help as the palette should take it: it says str, and parses that, but passes Content on."""
    return cast("str", Content(command.help)) if command.help else None
