"""The hook for a framework's start: nothing changed costs milliseconds, safe changes are made, dangers wait."""
