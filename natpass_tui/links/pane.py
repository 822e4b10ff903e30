"""What the panes of all kinds have in common: a view, and a line over it that says what is wrong and what to do."""

from abc import abstractmethod
from collections.abc import Callable, Iterable

from textual import events
from textual.message import Message
from textual.widget import Widget
from textual.widgets import Static

from natpass_tui.links.life import TabRefused
from natpass_tui.links.tab import LinkTab
from natpass_tui.widgets.pane import Pane

#: Seconds that a passing remark stays in sight.
_REMARK_SECONDS = 3.0
#: What the palette shows, its help, and what it does.
PaletteEntry = tuple[str, str, Callable[[], None]]


class LinkPane(Pane):
    """Shows one `LinkTab`. Compose a view and ``Static(id="banner", markup=False)``.

    Args:
        tab: the model.
        prefix: the prefix key's name.
    """

    class TitleChanged(Message):
        """The remote calls what is shown something else."""

    class Ready(Message):
        """The view is there."""

        def __init__(self, pane: "LinkPane") -> None:
            super().__init__()
            self.pane = pane

    def __init__(self, tab: LinkTab, prefix: str) -> None:
        super().__init__(classes="pane")
        self.tab = tab
        self._prefix = prefix
        self._remark = ""

    # what a kind has to say

    @property
    @abstractmethod
    def view(self) -> Widget:
        """What gets the keyboard."""

    @abstractmethod
    def send_prefix(self) -> None:
        """Send the prefix key itself to the remote."""

    def act(self, name: str) -> bool:
        """Do what a key after the prefix does in tabs of this kind (`Kind.actions`); False if it does nothing here."""
        return False

    def palette(self) -> Iterable[PaletteEntry]:
        """Return what the palette offers while this is in front."""
        return ()

    def mode(self) -> str:
        """Return what to say of the keys while they mean something else than usual, empty while they do not."""
        return ""

    async def last_screen(self) -> str:
        """Return what is shown, as lines of text for the user to keep; empty if that can't be said in text."""
        return ""

    # the same for all

    def on_mount(self) -> None:
        """Say that it can be used."""
        self.post_message(self.Ready(self))

    def take_focus(self) -> None:
        """Give the keyboard to the view."""
        self.screen.set_focus(self.view)

    def redraw(self) -> None:
        """Say what there is to say."""
        if not self.is_mounted:
            return
        banner = self.query_one("#banner", Static)
        state = self.tab.state
        is_alarm = isinstance(state, TabRefused) and state.is_alarm
        text = self.tab.banner(self._prefix)
        if not is_alarm:  # which nothing hides
            text = self.mode() or self._remark or text  # what the next key does comes first
        banner.set_class(self.tab.is_in_trouble, "trouble")
        banner.set_class(is_alarm, "alarm")
        banner.display = bool(text)
        if text and str(banner.content) != text:
            banner.update(text)

    def say(self, remark: str) -> None:
        """Say something in passing; safe to print."""
        self._remark = remark
        self.redraw()
        # The model says things too, when the network wakes it: a timer started there would not know its application.
        self.call_later(self.set_timer, _REMARK_SECONDS, lambda: self._unsay(remark))

    def _unsay(self, remark: str) -> None:
        if self._remark == remark:
            self._remark = ""
            self.redraw()

    def _intercept(self, event: events.Key) -> bool:
        """Take keys that are not for the remote: while nothing is live, Enter opens it again."""
        if self.tab.takes_keys:
            if (seconds := self.tab.unanswered) and not self.tab.banner(self._prefix):  # which says more
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
