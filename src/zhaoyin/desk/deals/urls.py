from django.urls import path

from zhaoyin.desk.deals import views

app_name = "deals"
urlpatterns = [
    path("", views.agreements, name="list"),
    path("<int:pk>/", views.agreement, name="detail"),
    path("<int:pk>/edit/", views.edit, name="edit"),
    path("<int:pk>/shares/", views.shares, name="shares"),
    path("project/<int:pk>/new/", views.new, name="new"),
    path("project/<int:pk>/capital/", views.capital, name="capital"),
    path("project/<int:pk>/promise/", views.new_commitment, name="new-commitment"),
    path("promises/", views.commitments, name="commitments"),
    path("promises/<int:pk>/settle/", views.settle, name="settle"),
    path("promises/<int:pk>/conclude/", views.conclude, name="conclude"),
    path("rates/", views.rates, name="rates"),
]
