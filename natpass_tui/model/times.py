"""Times as the screen shows them: short, and of a fixed width in columns."""

from datetime import datetime


def round_trip(seconds: float | None) -> str:
    """Return a round-trip time in at most 7 characters, ``—`` for None."""
    if seconds is None:
        return "—"
    if seconds < 0.001:
        return "<1 ms"
    if seconds < 9.9995:
        return f"{seconds * 1000:.0f} ms"
    return f"{seconds:.0f} s"


def clock(unix_seconds: float) -> str:
    """Return the local time of day, to the second."""
    return f"{datetime.fromtimestamp(unix_seconds).astimezone():%H:%M:%S}"


def met(unix_seconds: float, now: float) -> str:
    """Return the local day on which something was met, in at most 12 characters."""
    then, today = (datetime.fromtimestamp(moment).astimezone() for moment in (unix_seconds, now))
    return f"met {then:%d %b}" if then.year == today.year else f"met {then:%b %Y}"


def moment(unix_seconds: float, now: float) -> str:
    """Return a local time for a sentence: the time if today, else with the date."""
    return since(unix_seconds, now).rstrip()


def since(unix_seconds: float, now: float) -> str:
    """Return the local time at which something began, in 12 characters: the time if today, else with the date."""
    then, today = (datetime.fromtimestamp(moment).astimezone() for moment in (unix_seconds, now))
    if then.date() == today.date():
        return f"{then:%H:%M:%S}".ljust(12)
    if then.year == today.year:
        return f"{then:%d %b %H:%M}"
    return f"{then:%d %b %Y} "
