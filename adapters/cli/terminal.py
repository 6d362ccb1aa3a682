"""The terminal: consoles of rich, which only a command with a terminal imports."""

from __future__ import annotations

from rich.console import Console

from adapters.cli.streams import forget_stdout


class _Results(Console):
    """A console whose reader may go away, as that of `reshelve items | head` does."""

    def on_broken_pipe(self) -> None:
        """Drop what nobody reads any more; the command goes on to its own exit code."""
        self.quiet = True
        forget_stdout()


def result_console() -> Console:
    """Standard output."""
    return _Results(markup=False, emoji=False, highlight=False, soft_wrap=True)


def progress_console(*, quiet: bool) -> Console:
    """Standard error."""
    return Console(stderr=True, markup=False, emoji=False, highlight=False, quiet=quiet)
