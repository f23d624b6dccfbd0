"""Backups: what a change takes away is safe, encrypted, verified and on disk before the change begins."""
