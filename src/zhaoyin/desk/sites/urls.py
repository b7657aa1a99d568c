from django.urls import path

from zhaoyin.desk.sites import views

app_name = "sites"
urlpatterns = [
    path("", views.carriers, name="list"),
    path("tree/", views.tree, name="tree"),
    path("<int:pk>/", views.carrier, name="detail"),
]
