"""The clipboard of an X server: the selection CLIPBOARD (ICCCM 2).

X has no clipboard that stores data: the program that owns the selection serves it to others on request. A thread with
its own X connection does that, so that a paste on the desktop never waits for our other work.
"""

# Why: docs/decisions/063-clipboard-is-a-selection.md

import logging
import os
import queue
import select
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass

from Xlib import X, Xatom
from Xlib.protocol import event as events
from Xlib.protocol.rq import Event
from Xlib.xobject.drawable import Window

from natpass_agent.links.desktop.worker import x11
from natpass_agent.links.desktop.worker.clipboard import GET_SECONDS, MOST_BYTES
from natpass_agent.links.desktop.worker.errors import ClipboardError

log = logging.getLogger(__name__)

#: Longer than any single wait inside, so an answer always comes.
_ANSWER_SECONDS = GET_SECONDS + 2
_TOO_LONG = "the clipboard holds more than 60 KiB, too much to send"
#: Calls that may queue for the thread.
_WAITING_CALLS = 8


@dataclass(frozen=True, slots=True)
class _Call:
    """A job for the thread: get the text (None), or set one."""

    text: str | None
    answer: Future[str]


class X11Clipboard:
    """The selection CLIPBOARD of the display that the environment names."""

    def __init__(self) -> None:
        self._display = x11.connect()
        self._window = self._new_window()
        atom = self._display.intern_atom
        self._clipboard, self._targets, self._utf8 = atom("CLIPBOARD"), atom("TARGETS"), atom("UTF8_STRING")
        self._incr, self._property = atom("INCR"), atom("NATPASS_CLIPBOARD")
        self._utf8_targets = (self._utf8, atom("text/plain;charset=utf-8"), atom("TEXT"))
        self._own: bytes | None = None
        self._owner: Window | None = None  # owns our text
        self._calls: queue.Queue[_Call | None] = queue.Queue(_WAITING_CALLS)
        self._awake, self._wake = os.pipe()
        self._thread = threading.Thread(target=self._run, name="clipboard", daemon=True)
        self._thread.start()

    def get(self) -> str:
        """Return the text in it."""
        return self._ask(None)

    def set(self, text: str) -> None:
        """Put a text in."""
        self._ask(text)

    def close(self) -> None:
        """End the thread; our text leaves the clipboard with it."""
        self._calls.put(None)
        os.write(self._wake, b".")
        self._thread.join(_ANSWER_SECONDS)
        os.close(self._wake)
        os.close(self._awake)

    def _ask(self, text: str | None) -> str:
        call = _Call(text, Future())
        try:
            self._calls.put_nowait(call)
            os.write(self._wake, b".")
            return call.answer.result(_ANSWER_SECONDS)
        except (TimeoutError, queue.Full):
            raise ClipboardError("the clipboard does not answer") from None

    # on the thread

    def _run(self) -> None:
        try:
            while True:
                self._serve_events()
                if self._display.pending_events():
                    continue
                ready, _, _ = select.select([self._display.fileno(), self._awake], [], [])
                if self._awake in ready:
                    os.read(self._awake, 1)
                    call = self._calls.get_nowait()
                    if call is None:
                        return
                    self._answer(call)
        except x11.GONE:
            log.debug("the X server has ended")
        finally:
            with suppress(*x11.GONE):
                self._display.close()

    def _answer(self, call: _Call) -> None:
        try:
            call.answer.set_result(self._get() if call.text is None else self._set(call.text))
        except ClipboardError as error:
            call.answer.set_exception(error)
        except x11.GONE:
            call.answer.set_exception(ClipboardError("the X server has ended"))
            raise

    def _new_window(self) -> Window:
        screen = self._display.screen()
        window: Window = screen.root.create_window(0, 0, 1, 1, 0, screen.root_depth, event_mask=X.PropertyChangeMask)
        return window

    def _set(self, text: str) -> str:
        # Each text has its own window: the event that an earlier one lost the clipboard may come after this is set.
        last, self._owner = self._owner, self._new_window()
        self._own = text.encode(errors="replace")
        self._owner.set_selection_owner(self._clipboard, X.CurrentTime)
        if last is not None:
            last.destroy()
        owner: object = self._display.get_selection_owner(self._clipboard)
        if owner != self._owner:
            self._own = None
            raise ClipboardError("another program keeps the clipboard")
        return text

    def _get(self) -> str:
        self._serve_events()  # the clipboard's owner may have changed since
        if self._own is not None:
            return self._own.decode()
        for target, encoding in ((self._utf8, "utf-8"), (Xatom.STRING, "latin-1")):
            data = self._convert(target)
            if data is not None:
                return data.decode(encoding, errors="replace")
        return ""

    def _convert(self, target: int) -> bytes | None:
        """Ask the selection's owner for its data in one form; None if it has none."""
        until = time.monotonic() + GET_SECONDS
        self._window.delete_property(self._property)
        self._window.convert_selection(self._clipboard, target, self._property, X.CurrentTime)
        notify = self._wait_for(lambda event: isinstance(event, events.SelectionNotify), until)
        if not isinstance(notify, events.SelectionNotify) or notify.property == X.NONE:
            return None
        kind, data = self._take_property()
        if kind != self._incr:
            return data
        # In pieces: after each deletion a PropertyNotify announces the next one; an empty one is the end.
        whole = b""
        while True:
            self._wait_for(self._is_new_property, until)
            _, piece = self._take_property()
            if not piece:
                return whole
            whole += piece
            if len(whole) > MOST_BYTES:
                raise ClipboardError(_TOO_LONG)

    def _is_new_property(self, event: Event) -> bool:
        return (
            isinstance(event, events.PropertyNotify)
            and event.atom == self._property
            and event.state == X.PropertyNewValue
        )

    def _take_property(self) -> tuple[int, bytes]:
        """Return the type and the bytes that the owner gave, and delete the property."""
        found = self._window.get_property(self._property, X.AnyPropertyType, 0, MOST_BYTES // 4 + 1)
        if found is None:
            return X.NONE, b""
        if found.property_type == self._incr:
            self._window.delete_property(self._property)
            return self._incr, b""
        if found.format != 8 or found.bytes_after or len(found.value) > MOST_BYTES:
            self._window.delete_property(self._property)
            raise ClipboardError(_TOO_LONG if found.format == 8 else "the clipboard holds no text")
        self._window.delete_property(self._property)
        data = found.value
        return found.property_type, data if isinstance(data, bytes) else str(data).encode()

    def _wait_for(self, wanted: Callable[[Event], bool], until: float) -> Event:
        """Return the first wanted event; serve others meanwhile.

        Raises:
            ClipboardError: it did not come in time.
        """
        while True:
            while self._display.pending_events():
                event = self._display.next_event()
                if wanted(event):
                    return event
                self._serve(event)
            rest = until - time.monotonic()
            if rest <= 0:
                raise ClipboardError("the program that holds the clipboard does not answer")
            select.select([self._display], [], [], rest)

    def _serve_events(self) -> None:
        for _ in range(self._display.pending_events()):
            self._serve(self._display.next_event())

    def _serve(self, event: Event) -> None:
        if isinstance(event, events.SelectionClear):
            if event.window == self._owner:
                self._own = None
        elif isinstance(event, events.SelectionRequest):
            given = self._give(event)
            answer = events.SelectionNotify(
                time=event.time,
                requestor=event.requestor,
                selection=event.selection,
                target=event.target,
                property=given,
            )
            event.requestor.send_event(answer)
            self._display.flush()

    def _give(self, request: events.SelectionRequest) -> int:
        """Write our text to the property that a program names; return the property, NONE if we can't."""
        where: int = request.property or request.target  # old programs name no property
        if self._own is None or request.selection != self._clipboard:
            return X.NONE
        if request.target == self._targets:
            offered = [self._targets, *self._utf8_targets, Xatom.STRING]
            request.requestor.change_property(where, Xatom.ATOM, 32, offered)
        elif request.target in self._utf8_targets:
            request.requestor.change_property(where, self._utf8, 8, self._own)
        elif request.target == Xatom.STRING:
            request.requestor.change_property(where, Xatom.STRING, 8, self._own.decode().encode("latin-1", "replace"))
        else:
            return X.NONE
        return where
