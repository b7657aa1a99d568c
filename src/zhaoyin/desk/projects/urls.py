from django.urls import path

from zhaoyin.desk.projects import imports, views

app_name = "projects"
urlpatterns = [
    path("", views.projects, name="list"),
    path("board/", views.board, name="board"),
    path("late/", views.late, name="late"),
    path("new/", views.new, name="new"),
    path("verification/", views.verification, name="verification"),
    path("verification/<str:model>/<int:pk>/", views.decide, name="decide"),
    path("talks/<int:pk>/", views.decide_talks, name="decide-talks"),
    path("files/<int:pk>/", views.gate_file, name="file"),
    path("opinions/", views.opinions, name="opinions"),
    path("opinions/<int:pk>/", views.opinion, name="opinion"),
    path("import/", imports.start, name="import"),
    path("import/<int:pk>/", imports.batch, name="batch"),
    path("import/<int:pk>/errors.xlsx", imports.errors, name="batch-errors"),
    path("<int:pk>/", views.project, name="detail"),
    path("<int:pk>/history/", views.history, name="history"),
    path("<int:pk>/edit/", views.edit, name="edit"),
    path("<int:pk>/facts/<str:gate>/", views.facts, name="facts"),
    path("<int:pk>/claim/<str:kind>/", views.claim, name="claim"),
    path("<int:pk>/files/<str:gate>/", views.upload, name="upload"),
    path("<int:pk>/opinions/<str:gate>/", views.ask, name="ask"),
    path("<int:pk>/visit/<str:gate>/", views.visit, name="visit"),
    path("<int:pk>/plan/", views.plan, name="plan"),
    path("<int:pk>/talks/", views.first_talks, name="talks"),
    path("<int:pk>/exit/", views.leave, name="leave"),
    path("<int:pk>/reopen/", views.reopen, name="reopen"),
    path("<int:pk>/assign/", views.assign, name="assign"),
    path("<int:pk>/correct/", views.correct, name="correct"),
]
