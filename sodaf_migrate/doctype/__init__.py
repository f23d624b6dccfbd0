"""Definitions: DocTypes as they are written, read, checked and merged."""
