"""Who is who: static keys, their fingerprints, and the files that say whom we trust. No I/O but through `StateDir`."""
