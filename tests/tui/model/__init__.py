"""Tests of the model: no screen, no network."""
