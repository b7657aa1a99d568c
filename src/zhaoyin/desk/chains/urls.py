from django.urls import path

from zhaoyin.desk.chains import views

app_name = "chains"
urlpatterns = [
    path("", views.chains, name="list"),
    path("<int:pk>/", views.chain, name="detail"),
    path("<int:pk>/position/", views.position, name="position"),
    path("<int:pk>/reckon/", views.reckon, name="reckon"),
    path("<int:pk>/reckoning/", views.reckoning, name="reckoning"),
    path("<int:pk>/export/", views.export, name="export"),
    path("<int:pk>/edit/", views.edit, name="edit"),
    path("<int:pk>/versions/", views.versions, name="versions"),
    path("<int:pk>/versions/<int:number>/restore/", views.restore, name="restore"),
    path("<int:pk>/leader/", views.leader, name="leader"),
    path("<int:pk>/segments/<slug:node_id>/", views.segment, name="segment"),
    path("<int:pk>/segments/<slug:node_id>/why/", views.why, name="why"),
    path("<int:pk>/segments/<slug:node_id>/shortlist/", views.shortlist, name="shortlist"),
    path("<int:pk>/segments/<slug:node_id>/export/", views.export_shortlist, name="export-shortlist"),
    path("<int:pk>/segments/<slug:node_id>/leads/", views.leads, name="leads"),
    path("<int:pk>/segments/<slug:node_id>/owners/", views.add_owner, name="add-owner"),
    path("<int:pk>/rivals/", views.rivals, name="rivals"),
    path("members/<int:pk>/judge/", views.judge, name="judge"),
    path("owners/<int:pk>/remove/", views.remove_owner, name="remove-owner"),
]
