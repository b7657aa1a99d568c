from django.urls import path

from zhaoyin.desk.deals import views

app_name = "deals"
urlpatterns = [
    path("", views.agreements, name="list"),
    path("<int:pk>/", views.agreement, name="detail"),
]
