"""Tests of the tests' own network: nothing that it shows is worth anything unless it does what it says."""
