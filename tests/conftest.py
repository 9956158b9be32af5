"""What all tests share: servers on loopback, a browser, started only for those that ask, and no verdict by the clock."""

from pathlib import Path

from hypothesis import settings

# A project that copier makes of this one has no tests that ask for them.
SERVERS = ("browser", "postgres_server", "s3_server", "web_server", "zenodo_server")
pytest_plugins = [name for name in SERVERS if Path(__file__).with_name(f"{name}.py").exists()]

settings.register_profile("no deadline", deadline=None)  # a busy machine is no bug
settings.load_profile("no deadline")
