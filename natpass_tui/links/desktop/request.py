"""What the console asks an agent for when it opens a desktop, and may ask for again while it is open."""

from dataclasses import dataclass, replace

from natpass_wire.pb.desktop_pb2 import VncControl
from natpass_wire.pb.link_pb2 import ConnectRequest, ConnectVnc

#: docs/wire.md §2 and §5: existing agents divide by zero at 0, so values in these ranges are always sent.
FPS = range(1, 51)
QUALITY = range(1, 101)
DEFAULT_FPS = 10
DEFAULT_QUALITY = 50
#: What is held over there is released after so many seconds without a word from here.
LEASE_SECONDS = 2.0
#: What the palette offers.
QUALITY_CHOICES = (20, 50, 80, 100)
FPS_CHOICES = (2, 5, 10, 20, 30)


@dataclass(frozen=True, slots=True)
class DesktopRequest:
    """How a desktop is sent.

    Attributes:
        fps: pictures a second at most, 1 to 50.
        quality: of JPEG, in percent; 100: not compressed at all.
        cursor: draw the remote pointer into the picture.

    Raises:
        ValueError: a number is out of its range.
    """

    fps: int = DEFAULT_FPS
    quality: int = DEFAULT_QUALITY
    cursor: bool = False

    def __post_init__(self) -> None:
        if self.fps not in FPS:
            raise ValueError(f"{self.fps} frames a second: 1 to 50 are possible")
        if self.quality not in QUALITY:
            raise ValueError(f"a quality of {self.quality}: 1 to 100 are possible")

    @property
    def name(self) -> str:
        """A rule name that differs whenever kind or parameters do: np-cli keeps rules by it (docs/wire.md §5)."""
        return f"desktop-{self.fps}-{self.quality}{'-cursor' if self.cursor else ''}"

    def message(self) -> ConnectRequest:
        """Return the request that opens a desktop."""
        vnc = ConnectVnc(fps=self.fps, quality=self.quality, cursor=self.cursor, lease_ms=round(LEASE_SECONDS * 1000))
        return ConnectRequest(name=self.name, kind=ConnectRequest.vnc, cvnc=vnc)

    def control(self) -> VncControl:
        """Return what changes an open desktop to this; the agent then draws everything again."""
        return VncControl(quality=self.quality, cursor=self.cursor, fps=self.fps)

    def with_fps(self, fps: int) -> "DesktopRequest":
        """Return this at another rate."""
        return replace(self, fps=fps)

    def with_quality(self, quality: int) -> "DesktopRequest":
        """Return this at another quality."""
        return replace(self, quality=quality)

    def with_cursor(self, cursor: bool) -> "DesktopRequest":
        """Return this with or without the remote pointer."""
        return replace(self, cursor=cursor)
