import pytest

from natpass_tui.links.desktop.request import DesktopRequest
from natpass_wire.pb.link_pb2 import ConnectRequest


def test_an_agent_that_divides_by_zero_is_never_asked_for_nothing() -> None:
    message = DesktopRequest().message()
    assert message.kind == ConnectRequest.vnc
    assert (message.cvnc.fps, message.cvnc.quality, message.cvnc.cursor) == (10, 50, False)


def test_a_name_is_unique_for_its_parameters() -> None:
    requests = [
        DesktopRequest(fps, quality, cursor) for fps in (1, 10) for quality in (1, 50) for cursor in (False, True)
    ]
    assert len({request.name for request in requests}) == len(requests)
    assert DesktopRequest().name == DesktopRequest().name
    assert DesktopRequest().name.startswith("desktop")


def test_what_changes_an_open_desktop() -> None:
    request = DesktopRequest().with_fps(20).with_quality(80).with_cursor(True)
    control = request.control()
    assert (control.fps, control.quality, control.cursor) == (20, 80, True)


@pytest.mark.parametrize(("fps", "quality"), [(0, 50), (51, 50), (10, 0), (10, 101), (-1, 50)])
def test_numbers_out_of_range(fps: int, quality: int) -> None:
    with pytest.raises(ValueError, match="are possible"):
        DesktopRequest(fps, quality)
