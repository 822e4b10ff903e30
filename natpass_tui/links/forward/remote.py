"""Connections that come to the agent and go out here: `-R`."""

import asyncio
import socket
from dataclasses import replace

from natpass_tui.links.forward.account import RuleAccount
from natpass_tui.links.forward.binding import address_text
from natpass_tui.links.forward.listener import RuleListener
from natpass_tui.links.forward.rows import ForwardState
from natpass_tui.links.forward.rules import endpoint_text
from natpass_wire.aio.channel_socket import ChannelSocket
from natpass_wire.aio.channels import ChannelLink
from natpass_wire.aio.reach import reason_of
from natpass_wire.aio.tasks import Tasks
from natpass_wire.channels.events import ChannelAsked
from natpass_wire.errors import LocalProtocolError, UserError
from natpass_wire.pb.forward_pb2 import ChannelRefused
from natpass_wire.text import printable

#: Seconds for the agent to say whether it listens.
_LISTEN_SECONDS = 15.0
#: Targets of a rule that are dialled at once: an agent may ask and take back at any rate.
_MOST_DIALLING = 256
#: Seconds for a connection to a target, with its name.
_DIAL_SECONDS = 10.0


class RemoteConnection(ChannelSocket):
    """Our connection to a target, for one that came to the agent.

    Args:
        link: the link.
        account: of its rule.
        channel: its channel.
        client: who has connected there, as the agent says, safe to print.
        target: where it goes to, safe to print.
    """

    def __init__(self, link: ChannelLink, account: RuleAccount, channel: int, client: str, target: str) -> None:
        super().__init__(link)
        self._account = account
        self.channel = channel
        self.client = client
        self.target = target
        self.since = account.clock()
        self.is_open = True

    def connected(self, transport: asyncio.Transport) -> None:
        """Carry what has come already, and what comes."""
        self._account.began(self)
        if not self._link.use(self.channel, self):
            self.abort("connection reset")
            return
        peer = transport.get_extra_info("peername")
        if isinstance(peer, tuple):
            self._link.accept(self.channel, peer[0], peer[1])
        else:
            self._link.accept(self.channel)

    def drop(self, reason: str) -> None:
        """End it at once."""
        self.abort(reason)

    def gone(self, reason: str) -> None:
        """Count it."""
        self._account.gone(self)


class _Asked:
    """The listener at the agent.

    Args:
        owner: the rule's listener here.
    """

    def __init__(self, owner: "RemoteListener") -> None:
        self._owner = owner
        self.address: asyncio.Future[tuple[str, int]] = asyncio.get_running_loop().create_future()

    def opened(self, host: str, port: int) -> None:
        """Take note that it listens."""
        if not self.address.done():
            self.address.set_result((host, port))

    def not_opened(self, reason: ChannelRefused.Reason, text: str) -> None:
        """Take note that it does not."""
        self._over(text or "the agent refuses")

    def received(self, data: bytes) -> None:
        """Ignore: a listener sends no bytes."""

    def ended(self) -> None:
        """Ignore, as above."""

    def was_reset(self, text: str) -> None:
        """Take note that it listens no more."""
        self._over(text or "the agent listens no more")

    def writable(self) -> None:
        """Ignore, as above."""

    def give_up(self) -> None:
        """Wait for no answer any more."""
        if not self.address.done():
            self.address.set_exception(UserError("it is removed"))
            self.address.exception()  # nobody may be waiting any more

    def _over(self, text: str) -> None:
        if not self.address.done():
            self.address.set_exception(UserError(text))
        else:
            self._owner.is_lost(self, text)


class RemoteListener(RuleListener):
    """Has the agent listen.

    Args:
        account: of the rule.
        tasks: owns the connecting of targets.
    """

    def __init__(self, account: RuleAccount, tasks: Tasks) -> None:
        super().__init__(account)
        self._asked: _Asked | None = None
        #: The listener's id, 0 while there is none.
        self.id = 0
        self._asks: ChannelLink | None = None  # where the listener is: `_link` may be gone when it has to end
        self._tasks = tasks
        self._dialling = 0
        self._rests_at = ""  # its address, while the agent is out of reach

    def rest(self, reason: str) -> None:
        """Take note that the agent is out of reach: its listener stays, and connections go on when it is back."""
        if self.account.state is ForwardState.LISTENING:
            self._rests_at = self.account.address
            self.account.is_now(ForwardState.WAITING, why=reason)

    async def wake(self, link: ChannelLink) -> None:
        """Go on after `rest`; ask for the listener if there is none. Raises as `start` does."""
        if self.id and link is self._asks:
            self.account.is_now(ForwardState.LISTENING, self._rests_at)
        else:
            await self.start(link)

    async def check(self) -> None:
        """Raise UserError if the target's name has no address: better now than with the first connection."""
        target = self.rule.target
        assert target is not None
        if target.path:
            return
        try:
            async with asyncio.timeout(_DIAL_SECONDS):
                await asyncio.get_running_loop().getaddrinfo(target.host, target.port, type=socket.SOCK_STREAM)
        except (OSError, ValueError, TypeError) as error:
            reason = reason_of(error)
            raise UserError(f"{self.rule.option}: {printable(target.host)} has no address here: {reason}") from error

    def is_lost(self, asked: _Asked, text: str) -> None:
        """Take note that the agent listens no more, though we have not asked for that."""
        if asked is self._asked:
            self._asked, self.id = None, 0
            if self._asks is not None and self._asks.link.end is not None:
                return  # with the link: that is told once
            self.account.failed(text)
            self.account.is_now(ForwardState.FAILED)

    def takes(self, asked: ChannelAsked) -> None:
        """Connect to the target for a connection that came to the listener."""
        if self._dialling >= _MOST_DIALLING:
            if self._link is not None:
                self._link.refuse(asked.id, ChannelRefused.TOO_MANY, "too many connections at once")
            return
        self._dialling += 1
        self._tasks.start(self._dial_counted(asked), f"forward {self.rule.option}")

    async def _dial_counted(self, asked: ChannelAsked) -> None:
        try:
            await self._dial(asked)
        finally:
            self._dialling -= 1

    async def _listen(self, link: ChannelLink) -> str:
        await self.check()
        asked = self._asked = _Asked(self)
        try:
            self.id, self._asks = link.listen(asked, self.place), link
            async with asyncio.timeout(_LISTEN_SECONDS):
                host, port = await asked.address
        except TimeoutError as error:
            raise UserError(f"{self.rule.option}: the agent does not answer") from error
        except (LocalProtocolError, UserError) as error:
            raise UserError(f"{self.rule.option}: {error}") from error
        if not self.place.path and 0 < port <= 0xFFFF:
            self.place = replace(self.place, port=port)
        return address_text(host, port) if host else endpoint_text(self.rule.listen)

    def _unlisten(self) -> None:
        listener, self.id = self.id, 0
        asked, self._asked = self._asked, None
        if asked is not None:
            asked.give_up()
        asks, self._asks = self._asks, None
        if listener and asks is not None:
            asks.reset(listener)

    async def _dial(self, asked: ChannelAsked) -> None:
        """Connect to the target."""
        link, target = self._link, self.rule.target
        assert target is not None
        if link is None:
            return
        shown = printable(endpoint_text(target))
        client = printable(asked.source, 80) or "somebody"

        def made() -> RemoteConnection:
            return RemoteConnection(link, self.account, asked.id, client, shown)

        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(_DIAL_SECONDS):
                if target.path:
                    await loop.create_unix_connection(made, target.path.decode("utf-8", "surrogateescape"))
                else:
                    await loop.create_connection(made, target.host, target.port)
        except TimeoutError:
            self._refuse(link, asked, client, ChannelRefused.TIMED_OUT, f"{shown}: no answer")
        except socket.gaierror as error:
            self._refuse(link, asked, client, ChannelRefused.NO_HOST, f"{shown}: {reason_of(error)}")
        except ConnectionRefusedError as error:
            self._refuse(link, asked, client, ChannelRefused.NOT_LISTENING, f"{shown}: {reason_of(error)}")
        except OSError as error:
            self._refuse(link, asked, client, ChannelRefused.UNREACHABLE, f"{shown}: {reason_of(error)}")
        except ValueError:  # a name that can't be asked for
            self._refuse(link, asked, client, ChannelRefused.NO_HOST, f"{shown}: this is not a host name")

    def _refuse(
        self, link: ChannelLink, asked: ChannelAsked, client: str, reason: ChannelRefused.Reason, text: str
    ) -> None:
        link.refuse(asked.id, reason, text)
        self.account.refused(client, text)
