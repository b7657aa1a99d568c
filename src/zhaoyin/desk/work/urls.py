from django.urls import path

from zhaoyin.desk.work import views

app_name = "work"
urlpatterns = [
    path("", views.today, name="today"),
    path("search/", views.search, name="search"),
    path("help/", views.help_page, name="help"),
    path("more/", views.more, name="more"),
    path("healthz/", views.health, name="health"),
]
