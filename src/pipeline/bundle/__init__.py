"""What the bundle holds, a module a standard or a page; src/publish.py puts it together."""
