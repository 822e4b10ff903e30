"""What differs from one operating system to another: for each service a Protocol, a factory, and a fake."""
