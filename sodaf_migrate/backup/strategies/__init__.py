"""What goes into a backup: for each kind a manifest, a stream of bytes and a trailer, made by SQLite itself."""
