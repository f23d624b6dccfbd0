"""``python -m sodaf_migrate``: the command line."""

from sodaf_migrate.cli.main import main

if __name__ == "__main__":
    main()
