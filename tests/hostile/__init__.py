"""Shows that a hostile relay gets nothing out of sealed links."""
