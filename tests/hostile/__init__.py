"""A relay that is not what it should be, and what it gets out of sealed links: nothing."""
