"""Measurements: each module has a `main()` that prints its figures beside the limit of the same run."""
