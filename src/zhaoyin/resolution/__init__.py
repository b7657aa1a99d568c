"""A name as somebody wrote it → the organisation it means: by sound, sight and sense.

>>> register = Register.build([Entry("1", "山东招金集团有限公司", place="招远")], folder)
>>> register.resolve("赵晋集团").candidates[0].why()
'同音：赵晋/招金（zhao jin）；…'
"""

from zhaoyin.resolution.government import Division, PlaceMatch, resolve_place
from zhaoyin.resolution.model import Model
from zhaoyin.resolution.parse import Parsed, parse
from zhaoyin.resolution.register import Alias, Entry
from zhaoyin.resolution.resolve import Candidate, Context, Matches, Register, Resolution
from zhaoyin.resolution.text import normalise
from zhaoyin.resolution.words import Reason

__all__ = [
    "Alias", "Candidate", "Context", "Division", "Entry", "Matches", "Model", "Parsed", "PlaceMatch", "Reason",
    "Register", "Resolution", "normalise", "parse", "resolve_place",
]  # fmt: skip
