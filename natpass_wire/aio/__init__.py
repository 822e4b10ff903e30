"""The I/O of the wire package: sockets that carry frames, and a client's connection to its relay."""
