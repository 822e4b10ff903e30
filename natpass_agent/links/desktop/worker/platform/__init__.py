"""What differs from one operating system to another: screen, input, clipboard; each a Protocol, a factory, a fake."""
