"""Icons, sample pictures and other data that ships with Facelens; found through `importlib.resources`."""
