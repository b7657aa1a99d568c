from django.urls import path

from zhaoyin.desk.projects import views

app_name = "projects"
urlpatterns = [
    path("", views.projects, name="list"),
    path("<int:pk>/", views.project, name="detail"),
]
