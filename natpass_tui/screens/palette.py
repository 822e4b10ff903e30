"""The palette's commands as plain text: titles hold remote text, and Textual's own provider parses markup."""

from collections.abc import Sequence
from typing import Any, cast

from textual.app import SystemCommand
from textual.command import DiscoveryHit, Hit, Hits, Provider
from textual.content import Content
from textual.style import Style

#: How titles of open tabs begin, and what that adds to a match: less than a better way to match does.
_TAB, _OPEN_BONUS = "Go to tab ", 0.1
#: The least number of letters that ask for a kind.
_LEAST_ASKED = 4


class ConsoleCommands(Provider):
    """A provider of the application's `get_system_commands`.

    Everything is handed on as `Content`, which is never parsed: a host may be called ``[@click=app.quit]``. The search
    takes time linear in the title. Textual's tries every way to match: an agent could choose an id on which it takes
    minutes.
    """

    async def discover(self) -> Hits:
        """Yield the commands, the most likely ones first: the first one is chosen by Enter alone."""
        for command in filter(lambda command: command.discover, self._commands()):
            yield DiscoveryHit(Content(command.title), command.callback, command.title, _help(command))

    async def search(self, query: str) -> Hits:
        """Yield the commands whose title matches; those that `discover` hides only if the query asks for them."""
        style = self.match_style or Style(reverse=True)
        for command in self._commands():
            score, offsets = match(query, command.title)
            if not score or not (command.discover or asks_for(query, command.title)):
                continue
            if command.title.startswith(_TAB):  # an open tab comes before another command of the same name
                score = min(1.0, score + _OPEN_BONUS)
            shown = Content(command.title)
            for offset in offsets:
                shown = shown.stylize(style, offset, offset + 1)
            yield Hit(score, shown, command.callback, command.title, _help(command))

    def _commands(self) -> list[SystemCommand]:
        app: Any = self.app
        return list(app.get_system_commands(self.screen))


def asks_for(query: str, title: str) -> bool:
    """Tell whether a word of the query begins the title's first: ``desk web`` asks for ``Desktop of web``."""
    kind = _lower(title).partition(" ")[0]
    return any(len(word) >= _LEAST_ASKED and kind.startswith(word) for word in _lower(query).split())


def match(query: str, title: str) -> tuple[float, Sequence[int]]:
    """Tell how well `query` matches `title`, 0 (not at all) to 1, and which characters of the title it matches.

    The query itself matches best, then all of its words, then its letters in order.
    """
    wanted, text = _lower(query.strip()), _lower(title)
    if not wanted:
        return 0.0, ()
    brevity = 1 / (len(text) + 10)  # of two titles that match equally well, the shorter one wins
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
    """Return the help as `Content`: the palette's type says str, which it would parse; it passes Content on."""
    return cast("str", Content(command.help)) if command.help else None
