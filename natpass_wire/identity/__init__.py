"""Identity: static keys, their fingerprints, and the files of trusted keys. No I/O except through `StateDir`."""
