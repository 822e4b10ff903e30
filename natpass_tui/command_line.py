"""Command lines that end with a command for an agent."""

from collections.abc import Sequence

import click


class CommandWithWords(click.Command):
    """Wants `--` before a command whose words could be taken for our options."""

    def collect_usage_pieces(self, ctx: click.Context) -> list[str]:
        """Return the words of the usage line, in the order in which they are best written."""
        words = next(str(parameter.metavar) for parameter in self.params if parameter.name == "argv")
        return ["AGENT", "[OPTIONS]", *words.split()]

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Parse; no option may stand behind the command's first word without `--`."""
        given = list(args)
        try:
            rest = super().parse_args(ctx, args)
        except click.NoSuchOption as error:
            raise click.UsageError(f"{error.format_message()} The command's own stand behind --", ctx) from error
        words: Sequence[str] = ctx.params.get("argv") or ()
        if words and tuple(given[-len(words) :]) != tuple(words):
            raise click.UsageError("-- is needed between the options and the command", ctx)
        return rest
