"""Tests: they mirror the sources. `support` holds what several share."""
