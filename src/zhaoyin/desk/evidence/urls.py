from django.urls import path

from zhaoyin.desk.evidence import views

app_name = "evidence"
urlpatterns = [
    path("provenance/<str:model>/<int:pk>/<str:field>/", views.provenance, name="provenance"),
    path("history/<str:model>/<int:pk>/", views.history, name="history"),
    path("audit/", views.audit_list, name="audit"),
]
