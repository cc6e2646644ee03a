from __future__ import annotations

import os
import stat
import threading
import time
from typing import Callable, Optional

from ..hidden import Hidden
from ..problem import ConsumerProblem
from ..secret import Fields
from ..source import Source, parsed, stored_from

#: What Kubernetes swaps in one step; the files beside it lead through it.
_swapped = "..data"
_looks = 5
_largest = 4_000_000


class Mounted(Source):
    """A folder or file that something else writes: a mounted Secret, Vault Agent, the CSI driver.

    `path` is a folder with one file per field, as Kubernetes mounts a Secret, or a file with a JSON object; it is looked at
    every so many seconds. What is read belongs to one moment: a folder that is swapped meanwhile is read anew. It shows no
    earlier version, so only one that was held before is fallen back to.
    """

    def __init__(self, path: str, *, every: float = 1.0) -> None:
        self.name = f"what is mounted at {path}"
        self._path = path
        self._every = every

    def current(self, timeout: float) -> Fields:
        for look in range(1, _looks + 1):
            try:
                before = _mark_of(self._path)
                stored = self._read()
                if _mark_of(self._path) == before:
                    return stored
                problem = ConsumerProblem("UNAVAILABLE", f"{self.name} changes while it is read")
            except FileNotFoundError:
                problem = ConsumerProblem("NOT_FOUND", f"{self.name} is not there")
            except PermissionError:
                problem = ConsumerProblem("ACCESS_DENIED", f"{self.name} may not be read by this process")
            except ConsumerProblem as told:
                problem = told.again()
            time.sleep(0.02 * look)
        raise problem

    def watch(self, changed: Callable[[], None], stop: threading.Event) -> None:
        last = _mark_or(self._path, "")
        # Looked at rather than watched: what the kernel tells of symbolic links and network file systems differs.
        while not stop.wait(self._every):
            now = _mark_or(self._path, last)
            if now != last:
                last = now
                changed()

    def _read(self) -> Fields:
        if os.path.isdir(self._path):
            return _read_folder(self._path)
        read = stored_from(parsed(_read_whole(self._path)))
        if read is None:
            raise ConsumerProblem("INVALID_CONFIG", f"{self.name} is neither a folder nor a JSON object")
        return read


def _read_folder(path: str) -> Fields:
    """Through the folder that stood there at one moment: its files stay together whatever is swapped in."""
    folder = _behind(path) or path
    files = [name for name in os.listdir(folder) if not name.startswith(".")]
    whole = Hidden({name: _read_whole(os.path.join(folder, name)) for name in files if _is_file(folder, name)})
    return Fields({name: text.reveal() for name, text in whole.reveal().items()})


def _read_whole(path: str) -> Hidden:
    with open(path, "rb") as file:
        content = Hidden(file.read(_largest + 1))
    if len(content.reveal()) > _largest:
        raise ConsumerProblem("INVALID_CONFIG", "a mounted file is too large for a secret")
    return _without_line_end(Hidden(content.reveal().decode("utf-8", "replace")))


def _without_line_end(text: Hidden) -> Hidden:
    """Templates and editors end a line; a key is one line. What has several, such as PEM, is kept as it is."""
    line = Hidden(text.reveal()[:-1] if text.reveal().endswith("\n") else text.reveal())
    if line.reveal().endswith("\r") and line.reveal() != text.reveal():
        line = Hidden(line.reveal()[:-1])
    return text if "\n" in line.reveal() else line


def _behind(path: str) -> Optional[str]:
    link = os.path.join(path, _swapped)
    return os.path.realpath(link) if os.path.islink(link) or os.path.isdir(link) else None


def _is_file(folder: str, name: str) -> bool:
    # A file that is gone by now is no folder either: reading it says so.
    return not os.path.isdir(os.path.join(folder, name))


def _mark_of(path: str) -> str:
    """Changes with what lies there: the folder behind the link, or the file itself, and of a plain folder each of its files."""
    about = os.stat(path)
    if not stat.S_ISDIR(about.st_mode):
        return _mark_of_file(about)
    behind = _behind(path)
    if behind is not None:
        return behind
    names = sorted(name for name in os.listdir(path) if not name.startswith("."))
    return "\n".join(f"{name}={_mark_of_file(os.stat(os.path.join(path, name)))}" for name in names)


def _mark_of_file(about: os.stat_result) -> str:
    return f"{about.st_ino}/{about.st_mtime_ns}/{about.st_size}"


def _mark_or(path: str, otherwise: str) -> str:
    try:
        return _mark_of(path)
    except OSError:
        return otherwise
