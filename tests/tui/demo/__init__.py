"""Tests of the command natpass-tui as a program."""
