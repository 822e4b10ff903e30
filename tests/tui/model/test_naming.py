"""An agent is named, and once."""

import pytest

from natpass_tui.model import naming


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("no such program", "web-1: no such program"),
        ("agent web-1 is not connected", "agent web-1 is not connected"),
        ("web-1 is away since 12:00", "web-1 is away since 12:00"),
        ("links to web-1, which", "links to web-1, which"),
        ("it is web-1.", "it is web-1."),
        ("web-10 is not web-1.lan", "web-1: web-10 is not web-1.lan"),
        ("my-web-1", "web-1: my-web-1"),
        ("", "web-1: "),
    ],
)
def test_the_name_stands_in_front_unless_it_is_said(text: str, said: str) -> None:
    assert naming.about("web-1", text) == said


def test_a_refusal_says_where() -> None:
    assert naming.refusal("shell", "on", "a.b", "no such program: axb") == "no shell on a.b: no such program: axb"
    assert naming.refusal("desktop", "of", "a.b", "agent a.b is gone") == "no desktop: agent a.b is gone"
