"""How a viewer wants to see a screen, without I/O."""

from dataclasses import dataclass, replace

from natpass_wire.pb.desktop_pb2 import VncControl
from natpass_wire.pb.link_pb2 import ConnectVnc

#: docs/wire.md §4: 1 to 50 frames a second, 10 if unset; quality in percent, 50 if unset; 100 is raw.
MOST_FPS, DEFAULT_FPS = 50, 10
RAW_QUALITY, DEFAULT_QUALITY = 100, 50
#: Seconds of a lease on pressed keys and buttons: a viewer renews it each second; without it all is released soon.
LEAST_LEASE, MOST_LEASE = 0.5, 10.0


@dataclass(frozen=True, slots=True)
class View:
    """The view that a viewer wants.

    Attributes:
        fps: the most frames a second, 1 to 50.
        quality: JPEG quality, 1 to 99, or 100: raw pixels.
        cursor: whether the remote pointer is drawn into the picture.
        lease: seconds without a message after which keys and buttons are released; 0: when the link ends.
    """

    fps: int = DEFAULT_FPS
    quality: int = DEFAULT_QUALITY
    cursor: bool = False
    lease: float = 0.0

    @classmethod
    def from_request(cls, request: ConnectVnc) -> "View":
        """Return the requested view; 0 means the default, and too large values are capped."""
        return cls(
            min(request.fps or DEFAULT_FPS, MOST_FPS),
            min(request.quality or DEFAULT_QUALITY, RAW_QUALITY),
            request.cursor,
            min(max(request.lease_ms / 1000, LEAST_LEASE), MOST_LEASE) if request.lease_ms else 0.0,
        )

    def changed_by(self, control: VncControl) -> "View":
        """Return the view after a `vnc_ctrl`; 0 keeps the quality or the rate."""
        return replace(
            self,
            fps=min(control.fps or self.fps, MOST_FPS),
            quality=min(control.quality or self.quality, RAW_QUALITY),
            cursor=control.cursor,
        )
