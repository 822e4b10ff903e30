"""The operating system's services: for each a Protocol, a factory, and a fake."""
