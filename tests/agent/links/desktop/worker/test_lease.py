from hypothesis import given
from hypothesis import strategies as st

from natpass_agent.links.desktop.worker.lease import Lease


def test_a_hold_lasts_as_long_as_the_viewer_is_heard() -> None:
    lease = Lease(2.0)
    for second in range(10):
        lease.heard(float(second))
        assert lease.rest(second + 0.5) == 1.5
    assert lease.rest(11.0) == 0
    assert not lease.is_void


def test_without_a_lease_nothing_runs_out() -> None:
    lease = Lease(0.0)
    lease.heard(1.0)
    assert lease.rest(1e9) is None


def test_what_comes_after_a_release_was_meant_for_the_hold_until_the_viewer_knows() -> None:
    lease = Lease(2.0)
    assert lease.ran_out() == 1
    assert lease.is_void
    lease.confirmed(0)  # a renewal that was on its way
    assert lease.is_void
    lease.confirmed(1)
    assert not lease.is_void


@given(st.lists(st.booleans()))
def test_only_the_last_release_counts(steps: list[bool]) -> None:
    lease, releases = Lease(1.0), 0
    for runs_out in steps:
        if runs_out:
            releases = lease.ran_out()
        else:
            lease.confirmed(releases)
        assert lease.is_void == runs_out
