"""The command that prints what makes a shell complete our commands, options, DocTypes and ids."""

from __future__ import annotations

import click
from click.shell_completion import get_completion_class

from sodaf_migrate.cli.exits import Exit
from sodaf_migrate.cli.site import site_options

__all__ = ["completion"]

SHELLS = ("bash", "zsh", "fish")


@click.command()
@click.argument("shell", type=click.Choice(SHELLS))
@site_options
@click.pass_context
def completion(context: click.Context, shell: str) -> int:
    """Print what makes SHELL complete commands, options, names of DocTypes and ids of migrations and backups.

    \b
    Examples:
      sodaf-migrate completion bash > ~/.local/share/bash-completion/completions/sodaf-migrate
      sodaf-migrate completion zsh > ~/.zfunc/_sodaf-migrate
      sodaf-migrate completion fish > ~/.config/fish/completions/sodaf-migrate.fish
    """
    kind = get_completion_class(shell)
    assert kind is not None  # click knows all of SHELLS
    script = kind(context.find_root().command, {}, "sodaf-migrate", "_SODAF_MIGRATE_COMPLETE")
    # Not source(): for bash, click would start one to ask its version, and the machine that writes may have none.
    click.echo(script.source_template % script.source_vars(), nl=False)
    return Exit.DONE
