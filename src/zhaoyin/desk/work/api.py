from __future__ import annotations

from typing import Any

from django.http import HttpRequest
from ninja import Router, Schema

from zhaoyin.desk.accounts.policy import demand
from zhaoyin.desk.api import REFUSALS
from zhaoyin.desk.deals import queries as deals
from zhaoyin.desk.deals.models import Agreement
from zhaoyin.desk.evidence.queries import attach_marks
from zhaoyin.desk.parties.models import Organisation

router = Router(tags=["ledger"])


class OrganisationOut(Schema):
    id: int
    name: str
    kind: str
    uscc: str | None
    is_demo: bool
    marks: dict[str, str]  # field → said, claimed, verified, locked, estimate


class AgreementOut(Schema):
    """Amounts in fen; null where no text states one."""

    id: int
    name: str
    kind: str
    mark: str
    amount_fen: int | None
    currency: str
    signed_text: str
    is_demo: bool
    marks: dict[str, str]


class TallyOut(Schema):
    total: int
    framework: int
    contract: int
    contract_said: int
    unstated: int
    verified_fen: int
    amount_unstated: int
    candidates: int
    signing_reported: int
    is_demo: bool


def _with_marks(rows: Any) -> list[Any]:
    found = attach_marks(rows)
    for row in found:
        row.marks = {field: proof.mark for field, proof in row.proofs.items()}
    return found


def _page(rows: Any, limit: int, offset: int) -> Any:
    first = min(max(0, offset), 2**31)  # beyond it no list goes, and SQLite counts only so far
    return rows[first : first + min(max(1, limit), 200)]


@router.get("organisations", response={200: list[OrganisationOut], **REFUSALS})
def organisations(request: HttpRequest, q: str = "", limit: int = 50, offset: int = 0) -> Any:
    demand(request.user, "organisation.view")
    return _with_marks(_page(Organisation.objects.filter(name__icontains=q[:100]), limit, offset))


@router.get("agreements", response={200: list[AgreementOut], **REFUSALS})
def agreements(request: HttpRequest, q: str = "", limit: int = 50, offset: int = 0) -> Any:
    demand(request.user, "agreement.view")
    return _with_marks(_page(Agreement.objects.filter(name__icontains=q[:100]), limit, offset))


@router.get("tally", response={200: TallyOut, **REFUSALS})
def tally(request: HttpRequest) -> Any:
    """What the agreements say and what of it is proven."""
    demand(request.user, "agreement.view")
    return deals.tally()
