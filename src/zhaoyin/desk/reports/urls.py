from django.urls import path

from zhaoyin.desk.reports import views

app_name = "reports"
urlpatterns = [
    path("", views.indicators, name="indicators"),
    path("close/", views.close, name="close"),
    path("list/", views.behind, name="behind"),
    path("target/", views.target, name="target"),
]
