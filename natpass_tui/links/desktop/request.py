"""The request for a desktop, and for changes while it is open."""

from dataclasses import dataclass, replace

from natpass_wire.pb.desktop_pb2 import VncControl
from natpass_wire.pb.link_pb2 import ConnectRequest, ConnectVnc

#: The ranges (docs/wire.md §2 and §5). We always send a value: existing agents divide by zero at 0.
FPS = range(1, 51)
QUALITY = range(1, 101)
DEFAULT_FPS = 10
DEFAULT_QUALITY = 50
#: Seconds without a message from us after which the agent releases everything that we hold.
LEASE_SECONDS = 2.0
#: The palette's choices.
QUALITY_CHOICES = (20, 50, 80, 100)
FPS_CHOICES = (2, 5, 10, 20, 30)


@dataclass(frozen=True, slots=True)
class DesktopRequest:
    """The parameters of a desktop's pictures.

    Attributes:
        fps: the most pictures a second, 1 to 50.
        quality: the JPEG quality in percent; 100: not compressed.
        cursor: whether to draw the remote pointer into the picture.

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
        """A rule name that depends on kind and parameters: np-cli stores rules by name (docs/wire.md §5)."""
        return f"desktop-{self.fps}-{self.quality}{'-cursor' if self.cursor else ''}"

    def message(self) -> ConnectRequest:
        """Return the request that opens a desktop."""
        vnc = ConnectVnc(fps=self.fps, quality=self.quality, cursor=self.cursor, lease_ms=round(LEASE_SECONDS * 1000))
        return ConnectRequest(name=self.name, kind=ConnectRequest.vnc, cvnc=vnc)

    def control(self) -> VncControl:
        """Return the message that changes an open desktop to this; the agent then sends everything again."""
        return VncControl(quality=self.quality, cursor=self.cursor, fps=self.fps)

    def with_fps(self, fps: int) -> "DesktopRequest":
        """Return a copy with another rate."""
        return replace(self, fps=fps)

    def with_quality(self, quality: int) -> "DesktopRequest":
        """Return a copy with another quality."""
        return replace(self, quality=quality)

    def with_cursor(self, cursor: bool) -> "DesktopRequest":
        """Return a copy with or without the remote pointer."""
        return replace(self, cursor=cursor)
