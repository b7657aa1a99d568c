from django.urls import path

from zhaoyin.desk.events import views

app_name = "events"
urlpatterns = [
    path("", views.events, name="list"),
    path("series/", views.series_list, name="series-list"),
    path("series/<int:pk>/", views.series, name="series"),
    path("<int:pk>/", views.event, name="detail"),
]
