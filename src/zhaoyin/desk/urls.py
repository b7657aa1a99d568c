"""One prefix per room; each room names its own pages."""

from __future__ import annotations

from django.urls import include, path

from zhaoyin.desk.api import api

urlpatterns = [
    path("", include("zhaoyin.desk.work.urls")),
    path("", include("zhaoyin.desk.accounts.urls")),
    path("", include("zhaoyin.desk.evidence.urls")),
    path("materials/", include("zhaoyin.desk.materials.urls")),
    path("organisations/", include("zhaoyin.desk.parties.urls")),
    path("places/", include("zhaoyin.desk.sites.urls")),
    path("events/", include("zhaoyin.desk.events.urls")),
    path("policies/", include("zhaoyin.desk.policies.urls")),
    path("projects/", include("zhaoyin.desk.projects.urls")),
    path("chains/", include("zhaoyin.desk.chains.urls")),
    path("agreements/", include("zhaoyin.desk.deals.urls")),
    path("figures/", include("zhaoyin.desk.reports.urls")),
    path("api/", api.urls),
]

handler404 = "zhaoyin.desk.work.views.not_found"
handler500 = "zhaoyin.desk.work.views.broken"
