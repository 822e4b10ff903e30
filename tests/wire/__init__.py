"""Tests of natpass_wire."""
