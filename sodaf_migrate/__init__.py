"""Keeps the tables of a metadata-driven framework in step with their DocType definitions."""
