"""Addresses of the pages about people."""

from django.contrib.auth.views import LogoutView
from django.urls import path

from studio.people import views

urlpatterns = [
    path("log-in", views.LogIn.as_view(), name="log-in"),
    path("log-out", LogoutView.as_view(), name="log-out"),
    path("password", views.ChangePassword.as_view(), name="password"),
    path("people", views.people, name="people"),
    path("people/add", views.add_person, name="add-person"),
    path("people/<int:person_id>", views.person, name="person"),
    path("people/<int:person_id>/new-password", views.new_password, name="new-password"),
    path("audit", views.audit_log, name="audit"),
]
