"""The US keyboard: existing natpass viewers name a key by its character without Shift, even while Shift is held."""

_UNSHIFTED = "`1234567890-=[]\\;',./"
_SHIFTED = '~!@#$%^&*()_+{}|:"<>?'
_LETTERS = "abcdefghijklmnopqrstuvwxyz"

#: Unshifted character → the same key's character with Shift.
SHIFTED: dict[str, str] = dict(zip(_UNSHIFTED + _LETTERS, _SHIFTED + _LETTERS.upper(), strict=True))
#: Shifted character → the same key's character without Shift.
UNSHIFTED: dict[str, str] = {shifted: unshifted for unshifted, shifted in SHIFTED.items()}
