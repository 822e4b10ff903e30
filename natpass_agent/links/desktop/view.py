"""How a viewer wants to see a screen, without I/O."""

from dataclasses import dataclass, replace

from natpass_wire.pb.desktop_pb2 import VncControl
from natpass_wire.pb.link_pb2 import ConnectVnc

#: docs/wire.md §4: 1 to 50 frames a second, 10 if unset; quality in percent, 50 if unset; 100 is raw.
MOST_FPS, DEFAULT_FPS = 50, 10
RAW_QUALITY, DEFAULT_QUALITY = 100, 50
#: Seconds of a lease on what is pressed: a viewer renews it each second, and nothing stays down for long without it.
LEAST_LEASE, MOST_LEASE = 0.5, 10.0


@dataclass(frozen=True, slots=True)
class View:
    """What is wanted.

    Attributes:
        fps: frames a second at most, 1 to 50.
        quality: JPEG quality, 1 to 99, or 100: raw pixels.
        cursor: whether the remote pointer is drawn into the picture.
        lease: seconds after which what is pressed is released if the viewer is not heard; 0: when its link ends.
    """

    fps: int = DEFAULT_FPS
    quality: int = DEFAULT_QUALITY
    cursor: bool = False
    lease: float = 0.0

    @classmethod
    def from_request(cls, request: ConnectVnc) -> "View":
        """Return what an opener asks for; 0 is the default, what is too large the most."""
        return cls(
            min(request.fps or DEFAULT_FPS, MOST_FPS),
            min(request.quality or DEFAULT_QUALITY, RAW_QUALITY),
            request.cursor,
            min(max(request.lease_ms / 1000, LEAST_LEASE), MOST_LEASE) if request.lease_ms else 0.0,
        )

    def changed_by(self, control: VncControl) -> "View":
        """Return the view after a `vnc_ctrl`; 0 leaves the quality or the rate as it is."""
        return replace(
            self,
            fps=min(control.fps or self.fps, MOST_FPS),
            quality=min(control.quality or self.quality, RAW_QUALITY),
            cursor=control.cursor,
        )
