"""The US keyboard: existing natpass viewers name keys by what they type on it without Shift, within Shift or not."""

_UNSHIFTED = "`1234567890-=[]\\;',./"
_SHIFTED = '~!@#$%^&*()_+{}|:"<>?'
_LETTERS = "abcdefghijklmnopqrstuvwxyz"

#: Unshifted character → what the same key types with Shift.
SHIFTED: dict[str, str] = dict(zip(_UNSHIFTED + _LETTERS, _SHIFTED + _LETTERS.upper(), strict=True))
#: Shifted character → what the same key types without Shift.
UNSHIFTED: dict[str, str] = {shifted: unshifted for unshifted, shifted in SHIFTED.items()}
