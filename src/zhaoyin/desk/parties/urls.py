from django.urls import path

from zhaoyin.desk.parties import views

app_name = "parties"
urlpatterns = [
    path("", views.organisations, name="list"),
    path("contacts/", views.contacts, name="contacts"),
    path("contacts/<int:pk>/", views.contact, name="contact"),
    path("contacts/<int:pk>/reveal/", views.reveal, name="reveal"),
    path("<int:pk>/", views.organisation, name="detail"),
]
