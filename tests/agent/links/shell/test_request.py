from hypothesis import given
from hypothesis import strategies as st

from natpass_agent.links.shell.request import resize_of, size_of
from natpass_agent.platform.pty import Size
from natpass_wire.pb.shell_pb2 import ShellResize


@given(st.integers(0, 2**32 - 1), st.integers(0, 2**32 - 1))
def test_a_size_is_one_the_kernel_can_keep_or_none(rows: int, cols: int) -> None:
    size = resize_of(ShellResize(rows=rows, cols=cols))
    assert size == (Size(rows, cols) if 0 < rows < 65536 and 0 < cols < 65536 else None)
    assert size == size_of(rows, cols)
