"""The base of all kinds' panes: a view, and a banner over it that says what is wrong and what to do."""

from abc import abstractmethod
from collections.abc import Callable, Iterable

from textual import events
from textual.message import Message
from textual.widget import Widget
from textual.widgets import Static

from natpass_tui.links.life import TabRefused
from natpass_tui.links.tab import LinkTab
from natpass_tui.widgets.pane import Pane

#: Seconds for which a remark is shown.
_REMARK_SECONDS = 3.0
#: A palette entry: title, help and function.
PaletteEntry = tuple[str, str, Callable[[], None]]


class LinkPane(Pane):
    """Shows one `LinkTab`. Compose a view and ``Static(id="banner", markup=False)``.

    Args:
        tab: the model.
        prefix: the prefix key's name.
    """

    class TabTitleChanged(Message):
        """The remote title changed."""

    class Ready(Message):
        """The view is ready."""

        def __init__(self, pane: "LinkPane") -> None:
            super().__init__()
            self.pane = pane

    def __init__(self, tab: LinkTab, prefix: str) -> None:
        super().__init__(classes="pane")
        self.tab = tab
        self._prefix = prefix
        self._remark = ""

    #: Whether keys in its view go to the remote. Otherwise they are the console's, and may open something.
    keys_are_remote = True
    #: The keys to show in the status bar, and what they do, if they are the console's.
    keys: tuple[tuple[str, str], ...] = ()

    # for a kind to implement

    @property
    @abstractmethod
    def view(self) -> Widget:
        """The widget that gets the keyboard."""

    @abstractmethod
    def send_prefix(self) -> None:
        """Send the prefix key itself to the remote."""

    def act(self, name: str) -> bool:
        """Do an action of this kind (`Kind.actions`); return False if it does nothing here."""
        return False

    def palette(self) -> Iterable[PaletteEntry]:
        """Return the palette's entries while this is in front."""
        return ()

    def mode(self) -> str:
        """Return the help on the keys while they have another meaning, empty otherwise."""
        return ""

    async def last_screen(self) -> str:
        """Return the content as lines of text for the user to keep; empty if it is not text."""
        return ""

    # common to all kinds

    def on_mount(self) -> None:
        """Announce that the view is ready."""
        self.post_message(self.Ready(self))

    def take_focus(self) -> None:
        """Give the keyboard to the view."""
        self.screen.set_focus(self.view)

    def redraw(self) -> None:
        """Update the banner."""
        if not self.is_mounted:
            return
        banner = self.query_one("#banner", Static)
        state = self.tab.state
        is_alarm = isinstance(state, TabRefused) and state.is_alarm
        text = self.tab.banner(self._prefix)
        if not is_alarm:  # nothing hides an alarm
            text = self.mode() or self._remark or text  # the next key's meaning comes first
        banner.set_class(self.tab.is_in_trouble, "trouble")
        banner.set_class(is_alarm, "alarm")
        banner.display = bool(text)
        if text and str(banner.content) != text:
            banner.update(text)

    def say(self, remark: str) -> None:
        """Show a remark for a moment; safe to print."""
        self._remark = remark
        self.redraw()
        # The model calls this from network tasks too: a timer started there would not find its application.
        self.call_later(self.set_timer, _REMARK_SECONDS, lambda: self._unsay(remark))

    def _unsay(self, remark: str) -> None:
        if self._remark == remark:
            self._remark = ""
            self.redraw()

    def _intercept(self, event: events.Key) -> bool:
        """Handle keys that are not for the remote: Enter opens a link that is not live again."""
        if self.tab.takes_keys:
            if (seconds := self.tab.unanswered) and not self.tab.banner(self._prefix):  # the banner says more
                self.say(f"no answer from the relay for {seconds:.0f} s: what you type may arrive late, or not at all")
            return False
        if event.key == "enter":
            self._remark = ""
            self.tab.retry()
        else:
            self.tab.key_refused()
            self.say(self.tab.not_sent())
        event.stop()
        event.prevent_default()
        return True
