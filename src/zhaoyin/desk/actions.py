"""How every action begins: who asks, may they, one short transaction."""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Callable
from typing import Any, TypeVar, cast

from django.db import models, transaction

from zhaoyin.desk.accounts import policy

Act = TypeVar("Act", bound=Callable[..., Any])


def action(verb: str, *, atomic: bool = True) -> Callable[[Act], Act]:
    """Mark a function as what people do: ``f(actor, [object], **values)``.

    The actor must be allowed ``verb`` (on the object, if the first argument is one), and all writes happen in one
    transaction. Compute long things before calling; no action holds the write lock for a second. An action over many
    objects says ``atomic=False`` and opens one transaction per object.
    """
    if verb not in policy.verbs():
        raise ValueError(f"policy.toml has no verb {verb}")

    def decorate(function: Act) -> Act:
        @functools.wraps(function)
        def wrapped(actor: Any, /, *args: Any, **kwargs: Any) -> Any:
            obj = args[0] if args and isinstance(args[0], models.Model) else None
            policy.demand(actor, verb, obj)
            with transaction.atomic() if atomic else contextlib.nullcontext():
                return function(actor, *args, **kwargs)

        wrapped.policy_verb = verb  # type: ignore[attr-defined]
        return cast(Act, wrapped)

    return decorate
