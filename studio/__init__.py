"""The studio: where people work on data sets, labels and trainings. A Django project."""
