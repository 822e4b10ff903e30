"""Which proxy leads to the relay."""

import pytest

from natpass_wire.errors import UserError
from natpass_wire.proxy import Proxy, Proxying, ProxyKind, credentials, is_excepted, parse

P = "http://proxy:1"


def towards(host: str, given: str | None = None, **environment: str) -> str:
    found = Proxying.among(given, environment).towards(host, is_loopback=False)
    return str(found or "")


@pytest.mark.parametrize(
    ("text", "proxy"),
    [
        ("http://proxy:8888", Proxy(ProxyKind.HTTP, "proxy", 8888)),
        ("http://proxy:8888/", Proxy(ProxyKind.HTTP, "proxy", 8888)),
        ("proxy:8888", Proxy(ProxyKind.HTTP, "proxy", 8888)),
        ("HTTP://Proxy", Proxy(ProxyKind.HTTP, "proxy", 1080)),  # curl's default port, whatever the scheme
        ("socks5://u:p%40ss@[::1]:9", Proxy(ProxyKind.SOCKS5, "::1", 9, "u", "p@ss")),
        ("socks5h://proxy", Proxy(ProxyKind.SOCKS5, "proxy", 1080)),
        ("http://u@proxy", Proxy(ProxyKind.HTTP, "proxy", 1080, "u", "")),
    ],
)
def test_urls(text: str, proxy: Proxy) -> None:
    found = parse(text, "--proxy")
    assert found == proxy
    assert (found.user, found.password) == (proxy.user, proxy.password)


@pytest.mark.parametrize(
    "text",
    [
        *("", "http://", "http://:80", "https://u:s3cret@proxy", "socks4://u:s3cret@proxy", "http://u:s3cret@proxy:x"),
        *("http://u:s3cret@proxy:99999", "http://u:s3cret@proxy/path", "http://u:s3cret@p\nq", "http://[u:s3cret@p"),
        *("socks5://u:s3cret%C3%A9@p", f"socks5://u:{'s3cret' * 50}@p", "http://u%3Av:s3cret@p", "http://u:s3cret#@p"),
    ],
)
def test_what_is_no_proxy_is_said_without_its_password(text: str) -> None:
    with pytest.raises(UserError, match="HTTPS_PROXY") as raised:
        parse(text, "HTTPS_PROXY")
    assert "s3cret" not in str(raised.value)


def test_a_proxy_shows_no_credentials() -> None:
    proxy = parse("http://user:s3cret@proxy:8888", "--proxy")
    assert str(proxy) == "http://proxy:8888"
    assert "s3cret" not in repr(proxy)
    assert "user" not in repr(proxy).replace("user=", "")
    assert "s3cret" not in repr(Proxying.among("http://u:s3cret@p", {"all_proxy": "http://u:s3cret@p"}))
    assert str(parse("socks5://[::1]:9", "")) == "socks5://[::1]:9"


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("http://u:p@h:1", "u:p"),
        ("u:p@h", "u:p"),
        ("http://u:p@ss@h", "u:p@ss"),
        ("http://u:p#s/s@h", "u:p#s/s"),
        ("http://h:1", None),
        ("none", None),
        ("", None),
        (None, None),
    ],
)
def test_credentials_are_found_even_where_the_url_is_none(text: str | None, found: str | None) -> None:
    assert credentials(text) == found


def test_what_is_named_outranks_the_environment_and_curls_order_holds_there() -> None:
    everything = {name: f"http://{name.lower()}-{name[0].isupper()}:1" for name in ("https_proxy", "HTTPS_PROXY")}
    assert towards("relay", P, https_proxy="http://other:2", no_proxy="*") == P
    assert towards("relay", "none", https_proxy=P) == ""
    assert towards("relay", **everything) == "http://https_proxy-false:1"
    assert towards("relay", HTTPS_PROXY=P, all_proxy="http://other:2") == P
    assert towards("relay", https_proxy="", HTTPS_PROXY="", ALL_PROXY="socks5://s") == "socks5://s:1080"
    assert towards("relay", http_proxy=P, HTTP_PROXY=P) == ""  # for what is not encrypted
    assert towards("relay") == ""


def test_a_variable_that_is_no_proxy_is_said_only_where_it_counts() -> None:
    bad = Proxying.among(None, {"HTTPS_PROXY": "https://proxy", "NO_PROXY": "relay"})
    assert bad.towards("relay", is_loopback=False) is None
    assert bad.towards("localhost", is_loopback=True) is None
    with pytest.raises(UserError, match="HTTPS_PROXY should be"):
        bad.towards("other", is_loopback=False)


def test_never_for_this_machine() -> None:
    assert Proxying.among(P, {"https_proxy": P}).towards("localhost", is_loopback=True) is None


@pytest.mark.parametrize(
    ("host", "exceptions", "excepted"),
    [
        ("relay.example.org", "*", True),
        ("relay.example.org", "example.org", True),
        ("relay.example.org", ".example.org", True),
        ("Relay.Example.org.", "EXAMPLE.ORG", True),
        ("example.org", ".example.org", True),
        ("badexample.org", "example.org", False),
        ("relay.example.org", "a, b  relay.example.org", True),
        ("relay.example.org", "", False),
        ("relay.example.org", ",, .", False),
        ("10.1.2.3", "10.0.0.0/8", True),
        ("10.1.2.3", "10.1.2.3", True),
        ("11.1.2.3", "10.0.0.0/8,1.2.3", False),
        ("2001:db8::7", "2001:db8::/32", True),
        ("2001:db8::7", "[2001:db8::7]", True),
        ("10.1.2.3", "2001:db8::/32, 10.0.0.0/99", False),
    ],
)
def test_no_proxy(host: str, exceptions: str, excepted: bool) -> None:
    assert is_excepted(host, exceptions) is excepted
    assert (towards(host, https_proxy=P, no_proxy=exceptions) == "") is excepted
