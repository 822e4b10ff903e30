"""Helpers for tests of several parts."""
