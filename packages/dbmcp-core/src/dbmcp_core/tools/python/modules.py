"""The Python files of a project: each executed once, shared by all of its tools, and gone when the project is closed.

Files below ``python/`` and the project's folder are importable among each other by their dotted names. They come before
installed packages, and never before the standard library: a ``statistics.py`` of a project is loaded for its tools, but
nobody else gets it. No byte code is kept, for Python takes that of a file edited within a second for the new one.
"""

from __future__ import annotations

import contextlib
import hashlib
import importlib
import importlib.machinery
import importlib.util
import inspect
import logging
import sys
import threading
import traceback
from collections.abc import Callable, Collection, Iterator, Sequence
from importlib.abc import MetaPathFinder
from pathlib import Path
from types import ModuleType
from typing import Any

from dbmcp_core.errors import ToolFailed
from dbmcp_core.runtime import Hooks, collecting
from dbmcp_core.settings import redact
from dbmcp_core.tools.context import VALIDATING, current, loading
from dbmcp_core.tools.python.output import aside

__all__ = ["Modules", "is_interrupt", "told"]

_log = logging.getLogger("dbmcp")


class _Loader(importlib.machinery.SourceFileLoader):
    """Reads the source, always."""

    def __init__(self, fullname: str, path: str, owner: object = None) -> None:
        super().__init__(fullname, path)
        self.owner = owner

    def path_stats(self, path: str) -> Any:
        raise OSError(path)  # how a loader says that it has no byte code to compare with


class _Finder(MetaPathFinder):
    """Finds a project's modules and packages, and what is in its packages."""

    def __init__(self, folders: Sequence[Path]) -> None:
        self.folders = [str(folder) for folder in folders]
        self._finders: dict[str, importlib.machinery.FileFinder] = {}

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        if path is None:
            if fullname in sys.stdlib_module_names:
                return None
            path = self.folders
        elif not _has_bare_or_our_parent(fullname):
            return None
        for folder in path:
            if not _is_in(folder, self.folders):
                continue
            spec = self._finder(folder).find_spec(fullname, target)
            if spec is not None and spec.loader is not None:  # a bare folder must not hide an installed package
                return spec
        return None

    def _finder(self, folder: str) -> importlib.machinery.FileFinder:
        if folder not in self._finders:
            suffixes = importlib.machinery.EXTENSION_SUFFIXES
            self._finders[folder] = importlib.machinery.FileFinder(
                folder,
                (importlib.machinery.ExtensionFileLoader, suffixes),
                (self._loader, [".py"]),  # type: ignore[arg-type]  # it calls it
            )
        return self._finders[folder]

    def _loader(self, fullname: str, path: str) -> _Loader:
        return _Loader(fullname, path, self)

    def invalidate_caches(self) -> None:
        for finder in self._finders.values():
            finder.invalidate_caches()


class Modules:
    """The modules of one project.

    Args:
        root: The project's folder.
        folders: Where its modules are, the first one first; left out, ``python`` and the folder itself.
        secrets: Texts that must not show in an error.
    """

    def __init__(
        self, root: Path, folders: Sequence[Path] | None = None, *, secrets: Callable[[], Collection[str]] = tuple
    ) -> None:
        self.root = root.resolve()
        given = folders if folders is not None else [self.root / "python", self.root]
        self.folders = [folder.resolve() for folder in given]
        self.hooks = Hooks()
        self.secrets = secrets
        self._loaded: dict[Path, ModuleType] = {}
        self._failed: dict[Path, ToolFailed] = {}
        self._loading = threading.RLock()
        self._finder: _Finder | None = None
        #: What of the same files was loaded when the first of these was.
        self._displaced: dict[str, ModuleType] = {}

    def load(self, path: Path) -> ModuleType:
        """Return the module of a file, executed if it hasn't been.

        Raises:
            ToolFailed: naming the file, the line and what went wrong there; the same one for every tool of the file.
        """
        path = path.resolve()
        with self._loading:
            if path in self._failed:
                raise self._failed[path]
            if path not in self._loaded:
                if not path.is_file():
                    raise ToolFailed(f"There is no file {str(path)!r}.", details={"file": str(path)})
                self._open()
                try:
                    self._loaded[path] = self._import(path)
                except BaseException as exc:
                    if is_interrupt(exc):
                        raise
                    self._failed[path] = self._failure(path, exc)
                    raise self._failed[path] from exc
            return self._loaded[path]

    def load_folder(self, folder: Path) -> list[ToolFailed]:
        """Load every file below *folder*, and return what went wrong."""
        failures = []
        for path in sorted(folder.rglob("*.py")):
            if not any(part.startswith((".", "__pycache__")) for part in path.relative_to(folder).parts):
                try:
                    self.load(path)
                except ToolFailed as exc:
                    failures.append(exc)
        return failures

    def import_name(self, name: str) -> ModuleType:
        """Return the module called *name*, of the project or installed.

        Raises:
            ToolFailed: as ``load`` does.
        """
        with self._loading:
            self._open()
            try:
                with self._executing():
                    return importlib.import_module(name)
            except Exception as exc:
                raise self._failure(Path(name), exc) from exc

    def inline(self, code: str, where: str) -> ModuleType:
        """Return a module of *code* that stands in a definition; *where* is what errors call it."""
        with self._loading:
            self._open()
            module = ModuleType(f"_dbmcp_{_digest(where + code)}")
            module.__file__ = where
            try:
                with self._executing():
                    exec(compile(code, where, "exec"), module.__dict__)  # noqa: S102 - the project's own code
            except Exception as exc:
                raise self._failure(Path(where), exc) from exc
            return module

    def failures(self) -> list[ToolFailed]:
        """Return why files that were asked for couldn't be loaded."""
        with self._loading:
            return list(self._failed.values())

    def files(self) -> frozenset[str]:
        """Return the files that modules of the project were loaded from, or couldn't be."""
        with self._loading:
            loaded = {str(module.__file__) for module in list(sys.modules.values()) if self._is_ours(module)}
            return frozenset(loaded | {str(path) for path in self._failed})

    def abandon(self) -> None:
        """Forget the modules, and let those be back in their place that were there before them."""
        with self._loading:
            self.close()
            sys.modules.update(self._displaced)

    def keep(self) -> None:
        """Let go of those that were there before: these won't be abandoned."""
        self._displaced = {}

    def close(self) -> None:
        """Forget the modules, so that whoever loads the files again gets them as they are then."""
        with self._loading:
            finder, self._finder = self._finder, None
            if finder is not None:
                with contextlib.suppress(ValueError):
                    sys.meta_path.remove(finder)
                for folder in finder.folders:
                    with contextlib.suppress(ValueError):
                        sys.path.remove(folder)
            if finder is not None:
                self._forget(finder)  # not what those who came after have loaded of the same files
            self._loaded.clear()
            self._failed.clear()

    def _open(self) -> None:
        if self._finder is not None:
            return
        self._displaced = self._forget()
        self._finder = _Finder(self.folders)
        sys.meta_path.insert(0, self._finder)
        # Behind the standard library and before what is installed, as a script's own folder should have been.
        packages = (place for place, entry in enumerate(sys.path) if entry.endswith(("site-packages", "dist-packages")))
        place = next(packages, len(sys.path))
        sys.path[place:place] = self._finder.folders
        importlib.invalidate_caches()

    def _forget(self, owner: object = None) -> dict[str, ModuleType]:
        """Take every module of the project's files out of Python's memory, and the bare folders that hold them.

        With an *owner* only those that it has loaded.
        """
        ours = {
            name
            for name, module in list(sys.modules.items())
            if self._is_ours(module) and (owner is None or _owner(module) is owner)
        }
        parents = {name.rsplit(".", count)[0] for name in ours for count in range(1, name.count(".") + 1)}
        gone = ours | {name for name in parents if _is_bare(sys.modules.get(name))}
        return {name: sys.modules.pop(name) for name in gone}

    def _is_ours(self, module: ModuleType) -> bool:
        return _is_by_us(module) and _is_in(str(getattr(module, "__file__", "")), self.folders)

    def _import(self, path: Path) -> ModuleType:
        name = self._name(path)
        if name is not None:
            taken = sys.modules.get(name)
            if taken is None or _file(taken) == path:
                with self._executing():
                    module = importlib.import_module(name)
                if _file(module) == path:
                    return module
        name = f"_dbmcp_{_digest(str(path))}_{path.stem}"
        spec = importlib.util.spec_from_file_location(name, path, loader=_Loader(name, str(path), self._finder))
        assert spec is not None  # noqa: S101 - for the type checker
        assert spec.loader is not None  # noqa: S101 - for the type checker
        module = importlib.util.module_from_spec(spec)
        sys.modules[name] = module
        try:
            with self._executing():
                spec.loader.exec_module(module)
        except BaseException:
            sys.modules.pop(name, None)
            raise
        return module

    def _name(self, path: Path) -> str | None:
        """Return the dotted name by which other modules would import the file, if there is one that is free for it."""
        for folder in self.folders:
            if path.is_relative_to(folder):
                parts = path.relative_to(folder).with_suffix("").parts
                if parts[-1] == "__init__":
                    parts = parts[:-1]
                is_free = bool(parts) and parts[0] not in sys.stdlib_module_names
                return ".".join(parts) if is_free and all(part.isidentifier() for part in parts) else None
        return None

    @contextlib.contextmanager
    def _executing(self) -> Iterator[None]:
        token = collecting.set(self.hooks)
        try:
            with aside(), loading():
                yield
        finally:
            collecting.reset(token)

    def _failure(self, path: Path, exc: BaseException) -> ToolFailed:
        what = told(exc, self.secrets(), self.folders)
        shown = path.relative_to(self.root) if path.is_relative_to(self.root) else path
        details: dict[str, object] = {"file": str(path)}
        if isinstance(exc, ModuleNotFoundError) and exc.name and not self._has(exc.name.partition(".")[0]):
            details["missing"] = exc.name
        return ToolFailed(f"{str(shown)!r} can't be loaded: {what}", details=details)

    def _has(self, name: str) -> bool:
        """Whether a module of this name is the project's own."""
        return any((folder / name).exists() or (folder / f"{name}.py").exists() for folder in self.folders)


def is_interrupt(exc: BaseException) -> bool:
    """Return whether *exc* is Ctrl-C, which comes to the main thread; elsewhere a project's code has raised it."""
    return isinstance(exc, KeyboardInterrupt) and threading.current_thread() is threading.main_thread()


def told(exc: BaseException, secrets: Collection[str], folders: Sequence[Path]) -> str:
    """Return the type and message of *exc* and where in the project it came up; log the rest. No secret shows."""
    call = current()
    if call is None or call.door != VALIDATING:
        whole = redact("".join(traceback.format_exception(exc)), secrets)
        _log.warning("A project's code failed:\n%s", whole.rstrip())
    place = _place(exc, folders)
    message = redact(_message(exc), secrets)
    text = f"{type(exc).__name__}: {message}" if message else type(exc).__name__
    return f"{text.rstrip('.')} ({place})." if place else f"{text.rstrip('.')}."


def _message(exc: BaseException) -> str:
    try:
        return str(exc.msg if isinstance(exc, SyntaxError) else exc)
    except Exception:  # noqa: BLE001 - it is the author's own, and can fail as all else can
        return ""


def _place(exc: BaseException, folders: Sequence[Path]) -> str | None:
    if isinstance(exc, SyntaxError) and exc.filename:
        return f"{Path(exc.filename).name}, line {exc.lineno}"
    ours = [frame for frame in traceback.extract_tb(exc.__traceback__) if _is_in(frame.filename, folders)]
    return f"{Path(ours[-1].filename).name}, line {ours[-1].lineno}" if ours else None


def _is_in(place: str, folders: Sequence[Path] | Sequence[str]) -> bool:
    """Whether *place* is in one of *folders* and not in an installed Python, which a project's folder may hold."""
    path = Path(place)
    if not any(path.is_relative_to(folder) for folder in folders) or "site-packages" in path.parts:
        return False
    return not any(
        path.is_relative_to(prefix) and not any(Path(folder).is_relative_to(prefix) for folder in folders)
        for prefix in (sys.prefix, sys.base_prefix)
    )


def _is_by_us(module: ModuleType | None) -> bool:
    return isinstance(getattr(getattr(module, "__spec__", None), "loader", None), _Loader)


def _owner(module: ModuleType) -> object:
    """Return who has loaded a module of ours."""
    return getattr(getattr(module.__spec__, "loader", None), "owner", None)


def _is_bare(module: ModuleType | None) -> bool:
    """Whether this is a folder without an ``__init__.py``."""
    return module is not None and getattr(module, "__file__", None) is None and hasattr(module, "__path__")


def _has_bare_or_our_parent(name: str) -> bool:
    parent = sys.modules.get(name.rpartition(".")[0])
    return _is_by_us(parent) or _is_bare(parent)


def _file(module: ModuleType) -> Path | None:
    try:
        return Path(inspect.getfile(module)).resolve()
    except TypeError:
        return None


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:12]
