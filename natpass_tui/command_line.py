"""Command lines that end with a command for an agent."""

from collections.abc import Sequence

import click


class CommandWithWords(click.Command):
    """Requires `--` before a command whose words look like our options."""

    def collect_usage_pieces(self, ctx: click.Context) -> list[str]:
        """Return the words of the usage line: the options before the command."""
        words = next(str(parameter.metavar) for parameter in self.params if parameter.name == "argv")
        return ["AGENT", "[OPTIONS]", *words.split()]

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Parse; after the command's first word, options need `--` before the command."""
        given = list(args)
        try:
            rest = super().parse_args(ctx, args)
        except click.NoSuchOption as error:
            raise click.UsageError(f"{error.format_message()} The command's options come after --", ctx) from error
        words: Sequence[str] = ctx.params.get("argv") or ()
        if words and tuple(given[-len(words) :]) != tuple(words):
            raise click.UsageError("-- is needed between the options and the command", ctx)
        return rest
