from django.urls import path

from zhaoyin.desk.policies import views

app_name = "policies"
urlpatterns = [
    path("", views.policies, name="list"),
    path("<int:pk>/", views.policy, name="detail"),
]
