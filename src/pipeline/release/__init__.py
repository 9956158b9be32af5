"""Releasing a version: the state that it demands, its metadata, and where it is sent; used by src/release.py alone."""
