"""The help begins with the keys of the place that it is asked for in."""

from rich.cells import cell_len

from natpass_tui.screens.dialogs import HelpScreen


def test_the_current_place_comes_first() -> None:
    fleet = HelpScreen("ctrl+]", in_fleet=True)._text().plain
    shell = HelpScreen("ctrl+]", in_fleet=False)._text().plain
    assert fleet.index("In the fleet") < fleet.index("Anywhere, after the prefix")
    assert shell.index("Anywhere, after the prefix") < shell.index("In a shell") < shell.index("In the fleet")
    assert sorted(fleet.splitlines()) == sorted(shell.splitlines())


def test_in_eighty_columns_no_line_of_the_help_is_broken_by_the_screen() -> None:
    lines = HelpScreen("ctrl+]", in_fleet=False)._text().plain.splitlines()
    assert max(cell_len(line) for line in lines) <= 80 - 8  # frame, blanks, scroll bar
