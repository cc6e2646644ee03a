"""keybaton for the tests of your application: in this process, on 127.0.0.1, with nothing kept."""

from .server import FakeKeybaton
from .standing import Missing, Report, Version

__all__ = ["FakeKeybaton", "Missing", "Report", "Version"]
