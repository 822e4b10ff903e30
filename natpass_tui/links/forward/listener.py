"""The base of all listeners: what starts and ends a rule."""

import errno
from abc import ABC, abstractmethod
from dataclasses import replace

from natpass_tui.links.forward.account import RuleAccount
from natpass_tui.links.forward.binding import Bound, bind
from natpass_tui.links.forward.rows import ForwardState
from natpass_tui.links.forward.rules import endpoint_text
from natpass_wire.aio.channels import ChannelLink
from natpass_wire.aio.reach import reason_of
from natpass_wire.channels.events import Endpoint
from natpass_wire.errors import UserError
from natpass_wire.text import printable

#: Ports below this belong to the administrator.
_FIRST_FREE_PORT = 1024


class RuleListener(ABC):
    """One rule, which listens while there is a link.

    Args:
        account: of the rule.
    """

    def __init__(self, account: RuleAccount) -> None:
        self.account = account
        self.rule = account.rule
        #: Where to listen: once there was a port for port 0, it stays.
        self.place = account.rule.listen
        self._link: ChannelLink | None = None
        self._starts = 0

    async def start(self, link: ChannelLink) -> None:
        """Listen.

        Raises:
            UserError: it can't; the text names the rule.
        """
        self._starts += 1
        this = self._starts
        self._link = link
        self.account.is_now(ForwardState.STARTING)
        try:
            address = await self._listen(link)
        except BaseException as error:
            if this == self._starts:
                self._unlisten()
                self.account.is_now(ForwardState.FAILED)
            if isinstance(error, OSError):
                raise UserError(f"{self.rule.option}: {self._why(error)}") from error
            raise
        if this != self._starts:  # it was ended meanwhile
            self._unlisten()
            return
        self.account.is_now(ForwardState.LISTENING, printable(address))

    def stop(self, reason: str) -> None:
        """Listen no more, and end all connections with a reset."""
        self._starts += 1
        self._unlisten()
        self.account.drop_all(reason)
        self._link = None
        self.account.is_now(ForwardState.WAITING, why=reason)

    def rest(self, reason: str) -> None:
        """Listen no more while the agent is out of reach; end connections only if their target is not connected."""
        self._starts += 1
        self._unlisten()
        self.account.drop_unopened(reason)
        self.account.is_now(ForwardState.WAITING, why=reason)

    async def wake(self, link: ChannelLink) -> None:
        """Listen again after `rest`, or for the first time; raises as `start` does."""
        await self.start(link)

    @abstractmethod
    async def _listen(self, link: ChannelLink) -> str:
        """Begin to listen; return the address. Raises OSError, UserError."""

    @abstractmethod
    def _unlisten(self) -> None:
        """Listen no more. No-op if it does not."""

    def _why(self, error: OSError) -> str:
        """Return why we can't listen, for people."""
        where = self.place
        hint = ""
        if error.errno == errno.EACCES and 0 < where.port < _FIRST_FREE_PORT:
            hint = f" (ports below {_FIRST_FREE_PORT} are the administrator's)"
        shown = printable(endpoint_text(where if where.path or where.host else replace(where, host="127.0.0.1")))
        return f"cannot listen at {shown}: {reason_of(error)}{hint}"


async def bound(end: Endpoint) -> Bound:
    """Bind sockets to an address, see `binding.bind`. Raises OSError."""
    try:
        return await bind(end)
    except (ValueError, TypeError) as error:  # a name that can't be asked for
        raise OSError(errno.EINVAL, str(error)) from error
