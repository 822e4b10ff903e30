"""Makes the README's screenshots: drives the real console against a real relay and real agents."""
