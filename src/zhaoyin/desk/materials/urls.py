from django.urls import path

from zhaoyin.desk.materials import views

app_name = "materials"
urlpatterns = [
    path("", views.materials, name="list"),
    path("add/", views.add, name="add"),
    path("demo/", views.add_demo, name="demo"),
    path("<int:pk>/", views.review, name="review"),
    path("<int:pk>/status/", views.status, name="status"),
    path("<int:pk>/original/", views.original, name="original"),
    path("<int:pk>/inline/", views.inline, name="inline"),
    path("<int:pk>/again/", views.again, name="again"),
    path("<int:pk>/withdraw/", views.withdraw, name="withdraw"),
    path("<int:pk>/accept-kind/", views.accept_kind, name="accept-kind"),
    path("<int:pk>/undo/", views.undo, name="undo"),
    path("facts/<int:pk>/<str:act>/", views.decide, name="decide"),
]
