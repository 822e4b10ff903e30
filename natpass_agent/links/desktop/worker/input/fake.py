"""A fake pointer and keyboard for tests."""

from natpass_agent.links.desktop.worker.errors import NoKeyError
from natpass_agent.links.desktop.worker.input import Button
from natpass_agent.links.desktop.worker.keys import Character, Key


class FakeDevices:
    """Devices that record their calls.

    Args:
        untypable: characters that this keyboard can't type.
    """

    def __init__(self, untypable: str = "") -> None:
        self._untypable = untypable
        #: The calls in order, in words.
        self.done: list[str] = []
        self.buttons: set[Button] = set()
        self.keys: set[Key] = set()
        self.is_closed = False

    def move(self, x: int, y: int) -> None:
        """Record the call."""
        self.done.append(f"move {x} {y}")

    def press_button(self, button: Button) -> None:
        """Record the call."""
        assert button not in self.buttons
        self.buttons.add(button)
        self.done.append(f"press {button.name}")

    def release_button(self, button: Button) -> None:
        """Record the call."""
        self.buttons.remove(button)
        self.done.append(f"release {button.name}")

    def scroll(self, x: int, y: int) -> None:
        """Record the call."""
        self.done.append(f"scroll {x} {y}")

    def press_key(self, key: Key) -> None:
        """Record the call."""
        if isinstance(key, Character) and key.text in self._untypable:
            raise NoKeyError
        assert key not in self.keys
        self.keys.add(key)
        self.done.append(f"press {_name(key)}")

    def release_key(self, key: Key) -> None:
        """Record the call."""
        self.keys.remove(key)
        self.done.append(f"release {_name(key)}")

    def secure_attention(self) -> None:
        """Record the call."""
        self.done.append("secure attention")

    def close(self) -> None:
        """Record the call."""
        self.is_closed = True


def _name(key: Key) -> str:
    return key.text if isinstance(key, Character) else key.value
