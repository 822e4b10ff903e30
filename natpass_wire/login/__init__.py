"""Logging in at a relay: keys from the secret, handshake v2, and the two dialects of existing peers."""
