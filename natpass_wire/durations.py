"""Durations in words, the same in all programs. No clock."""

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
    """Return how long something has lasted, precise enough to see it grow: ``12 s``, ``3 min 05 s``, ``2 h 07 min``."""
    whole = max(0, int(seconds))
    if whole < _MINUTE:
        return f"{whole} s"
    if whole < _HOUR:
        return f"{whole // _MINUTE} min {whole % _MINUTE:02} s"
    return f"{whole // _HOUR} h {whole % _HOUR // _MINUTE:02} min"


def duration(seconds: float | None) -> str:
    """Return a duration in words, as precise as people need it: `45 s`, `12 min`, `3 h 05 min`, `4 d 3 h`."""
    whole = max(0, round(seconds or 0))
    if whole < _MINUTE:
        return f"{whole} s"
    if whole < _HOUR:
        return f"{whole // _MINUTE} min"
    if whole < _DAY:
        return f"{whole // _HOUR} h {whole % _HOUR // _MINUTE:02} min"
    return f"{whole // _DAY} d {whole % _DAY // _HOUR} h"
