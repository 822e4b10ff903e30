"""Durations in words, the same in all programs. No clock."""

from typing import NamedTuple

_MINUTE, _HOUR, _DAY = 60, 3600, 86_400


class _Row(NamedTuple):
    """The formats from `least` seconds on: `d`, `h`, `m` and `s` are the whole duration in that unit.

    `hh`, `mm` and `ss` are what is left over from the next larger unit.
    """

    least: int
    age: str
    span: str
    elapsed: str
    duration: str


_TABLE = (
    _Row(100 * _DAY, "{d}d", "{d} d", "{h} h {mm:02} min", "{d} d {hh} h"),
    _Row(2 * _DAY, "{d}d {hh:02}h", "{d} days", "{h} h {mm:02} min", "{d} d {hh} h"),
    _Row(_DAY, "{d}d {hh:02}h", "{d} day", "{h} h {mm:02} min", "{d} d {hh} h"),
    _Row(_HOUR, "{h}h {mm:02}m", "{h} h", "{h} h {mm:02} min", "{h} h {mm:02} min"),
    _Row(_MINUTE, "{m}m", "{m} min", "{m} min {ss:02} s", "{m} min"),
    _Row(0, "{s}s", "{s} s", "{s} s", "{s} s"),
)


def age(seconds: float) -> str:
    """Return a duration in at most 7 characters: ``45s``, ``12m``, ``3h 05m``, ``4d 03h``, ``210d``."""
    return _filled(_row(seconds).age, seconds)


def span(seconds: float) -> str:
    """Return roughly how long something has lasted, in at most 7 characters: ``12 s``, ``3 min``, ``9 days``."""
    return _filled(_row(seconds).span, seconds)


def elapsed(seconds: float) -> str:
    """Return how long something has lasted, precise enough to see it grow: ``12 s``, ``3 min 05 s``, ``2 h 07 min``."""
    return _filled(_row(seconds).elapsed, seconds)


def duration(seconds: float | None) -> str:
    """Return a duration in words, as precise as people need it: `45 s`, `12 min`, `3 h 05 min`, `4 d 3 h`."""
    whole = round(seconds or 0)
    return _filled(_row(whole).duration, whole)


def _row(seconds: float) -> _Row:
    """Return the formats for a duration; those of 0 for a negative one."""
    return next(row for row in _TABLE if seconds >= row.least or row.least == 0)


def _filled(text: str, seconds: float) -> str:
    s = max(0, int(seconds))
    m, h, d = s // _MINUTE, s // _HOUR, s // _DAY
    return text.format(s=s, m=m, h=h, d=d, ss=s % 60, mm=m % 60, hh=h % 24)
