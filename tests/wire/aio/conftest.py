"""Certificates are made once."""

import pytest

from tests.wire.aio.plugs import Tls, make_tls


@pytest.fixture(scope="session")
def certified() -> Tls:
    return make_tls()


@pytest.fixture(params=["plain", "tls"])
def tls(request: pytest.FixtureRequest, certified: Tls) -> Tls | None:
    """Run a test without TLS and with it."""
    return certified if request.param == "tls" else None
