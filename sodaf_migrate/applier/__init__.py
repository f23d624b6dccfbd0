"""Whole stories, told once each: sync, dry run, status, going back."""

from sodaf_migrate.applier.applier import MigrationApplier

__all__ = ["MigrationApplier"]
