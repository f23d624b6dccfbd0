"""The test kit: break the disk, the power, the statements and the processes under a migration, and see what is left.

For tests only; see docs/testing.md. Nothing here is imported by the engine.
"""
