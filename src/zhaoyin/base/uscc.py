"""The unified social credit code 统一社会信用代码 (GB 32100-2015): 18 characters, the last a check character."""

from __future__ import annotations

ALPHABET = "0123456789ABCDEFGHJKLMNPQRTUWXY"  # no I, O, S, V, Z
_VALUE = {character: value for value, character in enumerate(ALPHABET)}
_WEIGHTS = tuple(pow(3, n, 31) for n in range(17))


def check_character(first17: str) -> str:
    """The check character of the first 17, by GB 32100-2015 §5: (31 - Σ c_i·3^(i-1) mod 31) mod 31."""
    total = sum(_VALUE[character] * weight for character, weight in zip(first17, _WEIGHTS, strict=True))
    return ALPHABET[(31 - total % 31) % 31]


def normalise(text: str) -> str:
    """Full-width letters and digits folded, spaces dropped, upper case. Does not validate."""
    return "".join(chr(ord(c) - 0xFEE0) if "！" <= c <= "～" else c for c in text if not c.isspace()).upper()


def is_valid(code: str) -> bool:
    """Whether ``code`` (18 characters, upper case) has a legal alphabet and the right check character."""
    return len(code) == 18 and all(c in _VALUE for c in code) and check_character(code[:17]) == code[17]


def fault(code: str) -> str | None:
    """What is wrong with the code as a stable word: length, alphabet, check; None when nothing is."""
    if len(code) != 18:
        return "length"
    if not all(c in _VALUE for c in code):
        return "alphabet"
    return None if check_character(code[:17]) == code[17] else "check"
