"""The addresses of the API, a module for each kind of thing; `studio.api.urls` lists them."""
