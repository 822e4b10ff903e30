"""Times and durations as the screen shows them: short, and of a fixed width where they stand in a column."""

from datetime import datetime

_MINUTE, _HOUR, _DAY = 60, 3600, 86_400


def age(seconds: float) -> str:
    """Return a duration in at most 7 characters: ``45s``, ``12m``, ``3h 05m``, ``4d 03h``, ``210d``."""
    whole = max(0, int(seconds))
    if whole < _MINUTE:
        return f"{whole}s"
    if whole < _HOUR:
        return f"{whole // _MINUTE}m"
    if whole < _DAY:
        return f"{whole // _HOUR}h {whole % _HOUR // _MINUTE:02}m"
    if whole < 100 * _DAY:
        return f"{whole // _DAY}d {whole % _DAY // _HOUR:02}h"
    return f"{whole // _DAY}d"


def span(seconds: float) -> str:
    """Return roughly how long something has lasted, in at most 7 characters: ``12 s``, ``3 min``, ``9 days``."""
    whole = max(0, int(seconds))
    if whole < _MINUTE:
        return f"{whole} s"
    if whole < _HOUR:
        return f"{whole // _MINUTE} min"
    if whole < _DAY:
        return f"{whole // _HOUR} h"
    days = whole // _DAY
    return f"{days} day{'' if days == 1 else 's'}" if days < 100 else f"{days} d"


def elapsed(seconds: float) -> str:
    """Return how long something has lasted, so that one sees it count: ``12 s``, ``3 min 05 s``, ``2 h 07 min``."""
    whole = max(0, int(seconds))
    if whole < _MINUTE:
        return f"{whole} s"
    if whole < _HOUR:
        return f"{whole // _MINUTE} min {whole % _MINUTE:02} s"
    return f"{whole // _HOUR} h {whole % _HOUR // _MINUTE:02} min"


def round_trip(seconds: float | None) -> str:
    """Return a round-trip time in at most 7 characters, ``—`` for none."""
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
    """Return a local time within a sentence: today by the clock, else with the date."""
    return since(unix_seconds, now).rstrip()


def since(unix_seconds: float, now: float) -> str:
    """Return the local time at which something began, in 12 characters: today by the clock, else with the date."""
    then, today = (datetime.fromtimestamp(moment).astimezone() for moment in (unix_seconds, now))
    if then.date() == today.date():
        return f"{then:%H:%M:%S}".ljust(12)
    if then.year == today.year:
        return f"{then:%d %b %H:%M}"
    return f"{then:%d %b %Y} "
