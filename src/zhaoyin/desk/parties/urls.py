from django.urls import path

from zhaoyin.desk.parties import views

app_name = "parties"
urlpatterns = [
    path("", views.organisations, name="list"),
    path("new/", views.edit, name="new"),
    path("similar/", views.similar, name="similar"),
    path("duplicates/", views.duplicates, name="duplicates"),
    path("merge/", views.merge, name="merge"),
    path("merge/<int:pk>/split/", views.split, name="split"),
    path("judge/", views.judge, name="judge"),
    path("aliases/<int:pk>/remove/", views.unalias, name="unalias"),
    path("links/<int:pk>/remove/", views.unlink, name="unlink"),
    path("contacts/", views.contacts, name="contacts"),
    path("contacts/<int:pk>/", views.contact, name="contact"),
    path("contacts/<int:pk>/edit/", views.edit_contact, name="edit-contact"),
    path("contacts/<int:pk>/forget/", views.forget_contact, name="forget-contact"),
    path("contacts/<int:pk>/reveal/", views.reveal, name="reveal"),
    path("<int:pk>/", views.organisation, name="detail"),
    path("<int:pk>/edit/", views.edit, name="edit"),
    path("<int:pk>/interact/", views.interact, name="interact"),
    path("<int:pk>/alias/", views.alias, name="alias"),
    path("<int:pk>/link/", views.link, name="link"),
    path("<int:pk>/members/", views.members, name="members"),
    path("<int:organisation>/contacts/new/", views.edit_contact, name="new-contact"),
]
