"""Version of this package, as events carry it."""

VERSION = "0.1.0"
CLIENT = f"runseal-py/{VERSION}"
