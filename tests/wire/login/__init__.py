"""Tests of natpass_wire.login."""
