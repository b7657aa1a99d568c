from django.urls import path

from zhaoyin.desk.accounts import views

app_name = "accounts"
urlpatterns = [
    path("sign-in/", views.sign_in, name="sign-in"),
    path("sign-out/", views.sign_out, name="sign-out"),
    path("language/", views.language, name="language"),
    path("account/", views.own, name="own"),
    path("accounts/", views.people, name="list"),
    path("accounts/new/", views.edit, name="new"),
    path("accounts/<int:pk>/", views.edit, name="detail"),
]
