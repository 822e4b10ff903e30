"""Tests of `natpass_wire.stream`."""
