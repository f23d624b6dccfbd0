"""The configured site: arguments over environment over file over defaults."""
