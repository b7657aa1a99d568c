from django.urls import path

from zhaoyin.desk.policies import views

app_name = "policies"
urlpatterns = [
    path("", views.policies, name="list"),
    path("<int:pk>/", views.policy, name="detail"),
    path("clauses/", views.library, name="library"),
    path("clauses/<str:code>/", views.clause, name="clause"),
    path("examples/", views.examples, name="examples"),
    path("files/<str:name>/", views.edit, name="edit"),
    path("files/<str:name>/check/", views.check_text, name="check"),
    path("files/<str:name>/versions/", views.versions, name="versions"),
    path("calculator/", views.calculator, name="calculator"),
    path("offers/new/", views.new_offer, name="new_offer"),
    path("offers/<int:pk>/", views.offer, name="offer"),
    path("offers/<int:pk>/accept/", views.accept, name="accept"),
]
