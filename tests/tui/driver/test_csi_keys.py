"""Keys as CSI sequences: the forms of the kitty protocol's specification, xterm's and the VT220's."""

import pytest

from natpass_tui.driver.csi_keys import Press, decode

TYPED: dict[str, tuple[Press, ...]] = {
    # The kitty protocol, as Textual asks for it: all keys, with the text that they write.
    "\x1b[97u": (("a", "a"),),
    "\x1b[97;;97u": (("a", "a"),),
    "\x1b[97;2;65u": (("A", "A"),),
    "\x1b[97:65;2;65u": (("A", "A"),),
    "\x1b[97:65;2u": (("A", "A"),),
    "\x1b[97;2u": (("A", "A"),),
    "\x1b[49:33;2;33u": (("exclamation_mark", "!"),),
    "\x1b[99;5u": (("ctrl+c", None),),
    "\x1b[99:67;6u": (("ctrl+shift+c", None),),
    "\x1b[97:65;4u": (("alt+shift+a", None),),
    "\x1b[49:33;4u": (("alt+shift+exclamation_mark", None),),
    "\x1b[109;5u": (("ctrl+m", None),),
    "\x1b[93;5u": (("ctrl+right_square_bracket", None),),
    "\x1b[13u": (("enter", "\r"),),
    "\x1b[13;2u": (("shift+enter", None),),
    "\x1b[27u": (("escape", "\x1b"),),
    "\x1b[9;2u": (("shift+tab", None),),
    "\x1b[127u": (("backspace", "\x7f"),),
    "\x1b[32;;32u": (("space", " "),),
    "\x1b[32;2;32u": (("shift+space", " "),),
    "\x1b[57414u": (("enter", "\r"),),
    "\x1b[57400;129;49u": (("1", "1"),),
    "\x1b[57413;;43u": (("plus", "+"),),
    "\x1b[57376u": (("f13", None),),
    # Caps Lock and Num Lock say nothing.
    "\x1b[97;65;65u": (("A", "A"),),
    "\x1b[99;197u": (("ctrl+c", None),),
    "\x1b[1;193A": (("up", None),),
    # Other keyboards: the character that is written, or the key of a US keyboard in a chord.
    "\x1b[1089::99;5u": (("ctrl+c", None),),
    "\x1b[1089;5u": (("ctrl+c", None),),
    "\x1b[1089:1057:99;6u": (("ctrl+shift+c", None),),
    "\x1b[1089;;1089u": (("с", "с"),),
    "\x1b[223::115;;223u": (("ß", "ß"),),
    "\x1b[113;7;64u": (("at", "@"),),
    "\x1b[51;3;163u": (("pound_sign", "£"),),
    "\x1b[97;3;97u": (("alt+a", None),),
    "\x1b[0;;229:98u": (("å", "å"), ("b", "b")),
    "\x1b[115;9u": (("super+s", None),),
    # Pressed, and repeated.
    "\x1b[97;1:1u": (("a", "a"),),
    "\x1b[97;1:2u": (("a", "a"),),
    "\x1b[1;1:2A": (("up", None),),
    "\x1b[1;5:1D": (("ctrl+left", None),),
    # xterm, and modifyOtherKeys.
    "\x1b[A": (("up", None),),
    "\x1b[1;6C": (("ctrl+shift+right", None),),
    "\x1b[1;2P": (("shift+f1", None),),
    "\x1b[1;2R": (("shift+f3", None),),
    "\x1b[3;5~": (("ctrl+delete", None),),
    "\x1b[27;5;109~": (("ctrl+m", None),),
    "\x1b[27;2;13~": (("shift+enter", None),),
    # The VT220, the Linux console and PuTTY: a number is not a code point.
    "\x1b[15~": (("f5", None),),
    "\x1b[25~": (("f13", None),),
    "\x1b[26~": (("f14", None),),
    "\x1b[28~": (("f15", None),),
    "\x1b[29~": (("f16", None),),
    "\x1b[33~": (("f19", None),),
    "\x1b[34;2~": (("shift+f20", None),),
}  # fmt: skip
SILENT = [
    "\x1b[97;1:3u", "\x1b[1;1:3A", "\x1b[3;1:3~", "\x1b[97:65;2:3;65u", "\x1b[13;1:3u", "\x1b[27;5:3u",
    "\x1b[57441;2u", "\x1b[57442;5:3u", "\x1b[57358u", "\x1b[57358;1;65u", "\x1b[57360;129u",
]  # fmt: skip
UNKNOWN = [
    "\x1b[:u", "\x1b[u", "\x1b[;5u", "\x1b[0u", "\x1b[7u", "\x1b[99999999999999u", "\x1b[1114112u", "\x1b[55296u",
    "\x1b[97;;1114112u", "\x1b[97;;55296u", "\x1b[97;;7u", "\x1b[97;999u", "\x1b[97;1:4u",
    "\x1b[97;1:0u", "\x1b[57300;;65535u",
    "\x1b[4294967296A", "\x1b[5A", "\x1b[200~", "\x1b[201~", "\x1b[27~", "\x1b[35~", "\x1b[~", "\x1b[60000u",
    "\x1b[?1u", "\x1b[24;80R", "\x1b[I", "\x1b[<0;1;1M", "\x1b[1:2:3:4u", "\x1b[97;5:1:1u",
    "\x1b[" + "9" * 5000 + "u",
]  # fmt: skip


@pytest.mark.parametrize(("sequence", "typed"), TYPED.items(), ids=repr)
def test_keys(sequence: str, typed: tuple[Press, ...]) -> None:
    assert decode(sequence) == typed


@pytest.mark.parametrize("sequence", SILENT, ids=repr)
def test_releases_and_modifiers_type_nothing(sequence: str) -> None:
    assert decode(sequence) == ()


@pytest.mark.parametrize("sequence", UNKNOWN, ids=lambda sequence: repr(sequence[:20]))
def test_what_is_no_key(sequence: str) -> None:
    assert decode(sequence) is None
