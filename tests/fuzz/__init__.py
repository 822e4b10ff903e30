"""Coverage-guided fuzzing of everything that parses what others send or wrote: `make fuzz`."""
