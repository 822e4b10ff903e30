"""Which tab is in front after opening, going round and closing."""

from dataclasses import dataclass

from natpass_tui.model.tabs import Tabs


@dataclass(eq=False)
class Tab:
    title: str
    mark: str = ""
    is_live: bool = False
    waits: bool = False
    remote_title: str = ""
    activity: bool = False
    bell: bool = False
    is_unsealed: bool = False


def test_a_new_tab_is_in_front_and_closing_it_brings_back_the_one_before() -> None:
    tabs: Tabs[Tab] = Tabs()
    a, b, c = Tab("a"), Tab("b"), Tab("c")
    for tab in (a, b, c):
        tabs.add(tab)
    tabs.show(a)
    tabs.show(c)
    tabs.remove(c)
    assert tabs.front == a
    tabs.remove(a)
    assert tabs.front == b
    tabs.remove(b)
    assert len(tabs) == 0


def test_closing_a_tab_behind_changes_nothing_in_front() -> None:
    tabs: Tabs[Tab] = Tabs()
    a, b = Tab("a"), Tab("b")
    tabs.add(a)
    tabs.add(b)
    tabs.remove(a)
    assert tabs.front == b
    assert tabs.all() == (b,)


def test_stepping_goes_round_and_the_fleet_is_one_of_the_places() -> None:
    tabs: Tabs[Tab] = Tabs()
    a, b = Tab("a"), Tab("b")
    tabs.add(a)
    tabs.add(b)
    assert tabs.step(-1) is a
    assert tabs.step(1) is None
    tabs.show(None)
    assert tabs.step(-1) is b


def test_tabs_have_numbers_from_one() -> None:
    tabs: Tabs[Tab] = Tabs()
    a = Tab("a", is_live=True)
    tabs.add(a)
    assert tabs.number(1) is a
    assert tabs.number(0) is None
    assert tabs.number(2) is None
    assert tabs.live == 1
