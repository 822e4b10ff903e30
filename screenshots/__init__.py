"""The README's pictures, made by driving the real console against a real relay and real agents."""
