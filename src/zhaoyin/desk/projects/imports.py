from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect

from zhaoyin.desk.accounts.policy import needs


@needs("import.run")
def start(request: HttpRequest) -> HttpResponse:
    return redirect("projects:list")


@needs("import.run")
def batch(request: HttpRequest, pk: int) -> HttpResponse:
    return redirect("projects:list")


@needs("import.run")
def errors(request: HttpRequest, pk: int) -> HttpResponse:
    return redirect("projects:list")
