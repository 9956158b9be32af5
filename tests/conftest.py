"""What all tests share: servers on loopback, started only for those that ask, and no verdict by the clock."""

from hypothesis import settings

pytest_plugins = ["postgres_server", "s3_server", "web_server"]

settings.register_profile("no deadline", deadline=None)  # a busy machine is no bug
settings.load_profile("no deadline")
