"""What was verified: corrected, taken back, left out of the figures or taken in again."""

from __future__ import annotations

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render

from zhaoyin.base.errors import Refusal
from zhaoyin.desk.accounts import policy
from zhaoyin.desk.accounts.policy import needs, who
from zhaoyin.desk.asking import form_page
from zhaoyin.desk.projects import corrections, counting, forms, queries
from zhaoyin.desk.projects.models import Milestone, Project
from zhaoyin.desk.projects.views._common import back
from zhaoyin.desk.words import say, sentence


@needs("correction.make")
def correct(request: HttpRequest, pk: int) -> HttpResponse:
    """Correct what was verified: the record keeps both values; what counted differently is booked in an open month."""
    obj = get_object_or_404(Project, pk=pk)
    form = forms.Correct(obj, request.POST or None)

    def act() -> HttpResponse:
        given, user = form.cleaned_data, who(request)
        subject = form.subjects.get(given["field"])
        if isinstance(subject, Milestone):
            corrections.correct_date(user, obj, subject, forms.typed_day(given["value"]), given["reason"])
        elif subject is not None:
            corrections.correct_amount(
                user, obj, subject, forms.typed_amount(given["value"]), given["reason"]
            )
        else:
            value = forms.typed(given["field"], given["value"])
            corrections.correct_profile(user, obj, given["field"], value, given["reason"])
        return back(request, pk, say("已更正，前后两值都留着。", "Corrected; both values stay on record."))

    title = say("更正核验过的值", "Correct a verified value")
    return form_page(request, form, act, title=title, do=say("更正", "Correct"), object=obj)


@needs("project.count")
def count(request: HttpRequest, pk: int) -> HttpResponse:
    """Leave a project out of the figures or take it in again, with the reason."""
    obj = get_object_or_404(Project, pk=pk)
    form = forms.Counting(obj, request.POST or None)

    def act() -> HttpResponse:
        given, user = form.cleaned_data, who(request)
        if given["code"]:
            counting.leave_out(user, obj, given["code"], given["reason"], seen=given["seen"])
            words = say(
                "已不计入统计，已锁月份不变。", "Left out of the figures; closed months stay as they are."
            )
        else:
            counting.take_in(user, obj, given["reason"], seen=given["seen"])
            words = say("已重新计入统计，已锁月份不变。", "It counts again; closed months stay as they are.")
        return back(request, pk, words)

    title = (
        say("重新计入统计", "Take into the figures again")
        if obj.left_out
        else say("不计入统计", "Leave out of the figures")
    )
    return form_page(request, form, act, title=title, do=say("记下", "Record"), object=obj)


@needs("milestone.verify")
def undo(request: HttpRequest, pk: int) -> HttpResponse:
    """Verifications that can still be taken back: their month is open."""
    obj = get_object_or_404(Project, pk=pk)
    note, status = "", 200
    if request.method == "POST":
        model, _, number = request.POST.get("what", "").partition("-")
        reason = request.POST.get("reason", "")
        try:
            if model == "milestone":
                corrections.unverify(who(request), get_object_or_404(obj.milestones, pk=number or 0), reason)
            elif model == "capital":
                row = get_object_or_404(obj.capital_rows, pk=number or 0)
                corrections.unverify_booked(who(request), row, reason)
            elif model == "agreement":
                paper = get_object_or_404(obj.agreements, pk=number or 0)
                corrections.unverify_booked(who(request), paper, reason)
            else:
                raise Http404
            return back(
                request, pk, say("核验已撤回，回到待核。", "Taken back; it waits for verification again.")
            )
        except policy.Forbidden:
            raise
        except Refusal as refusal:
            note, status = sentence(refusal), 409 if refusal.code.endswith("stale") else 422
    context = {"object": obj, "rows": queries.undoable(obj, who(request)), "note": note}
    return render(request, "projects/undo.html", context, status=status)
