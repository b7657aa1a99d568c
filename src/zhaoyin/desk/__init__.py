"""The Django project: one app per thing people work on. It stores, asks the engines, and shows."""
