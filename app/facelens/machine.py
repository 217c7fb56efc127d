"""What the machine gives this process: processor, cores, memory, a folder for what can be made anew."""

from __future__ import annotations

import ctypes
import os
import platform
import sys
from pathlib import Path


def processor() -> str:
    """The processor's name, where the system tells."""
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.is_file():
        for line in cpuinfo.read_text(encoding="utf-8", errors="replace").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def cores() -> int:
    """Cores that this process may run on: a container or a task set may give it less than there are."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0)) or 1
    return os.cpu_count() or 1


def cache_folder() -> Path:
    """The user's folder for files of Facelens that can be made anew at any time; it need not exist."""
    if sys.platform == "win32":
        base = os.environ.get("LOCALAPPDATA") or str(Path.home() / "AppData" / "Local")
        return Path(base) / "Facelens" / "Cache"
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Caches" / "Facelens"
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "facelens"


def bound_arenas() -> None:
    """Keep glibc to two arenas of memory; elsewhere nothing happens. Call it before threads are started.

    Each thread may else get an arena of its own, which keeps what the thread has freed.
    """
    _glibc("mallopt", -8, 2)  # M_ARENA_MAX


def trim_memory() -> None:
    """Give memory that was freed back to the system, where glibc holds it; elsewhere nothing happens."""
    _glibc("malloc_trim", ctypes.c_size_t(0))


def _glibc(name: str, *arguments: int | ctypes.c_size_t) -> None:
    if not sys.platform.startswith("linux"):
        return
    try:
        library = ctypes.CDLL(None)
        # other C libraries have other functions of these names, or none
        if hasattr(library, "gnu_get_libc_version"):
            getattr(library, name)(*arguments)
    except (OSError, AttributeError):
        return


def rss_mib() -> float | None:
    """Memory that this process holds at the moment (resident set), MiB; None where the system does not tell."""
    try:
        if sys.platform.startswith("linux"):
            held = _rss_linux()
        elif sys.platform == "darwin":
            held = _rss_mac()
        elif sys.platform == "win32":
            held = _rss_windows()
        else:
            return None
    except (OSError, AttributeError, ValueError, IndexError):
        return None
    return round(held / 2**20, 1) if held > 0 else None


def _rss_linux() -> int:
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


def _rss_mac() -> int:
    """By ``proc_pidinfo`` with PROC_PIDTASKINFO; ``getrusage`` knows the greatest size only."""
    information = (ctypes.c_uint64 * 12)()  # struct proc_taskinfo, 96 bytes: virtual size, then resident size
    library = ctypes.CDLL("/usr/lib/libproc.dylib")
    given = library.proc_pidinfo(os.getpid(), 4, ctypes.c_uint64(0), ctypes.byref(information), 96)
    return int(information[1]) if given == 96 else 0


def _rss_windows() -> int:
    """By ``K32GetProcessMemoryInfo``."""
    if sys.platform != "win32":
        return 0

    class Counters(ctypes.Structure):
        _fields_ = (
            ("size", ctypes.c_uint32),
            ("faults", ctypes.c_uint32),
            *((name, ctypes.c_size_t) for name in ("peak", "working_set", "a", "b", "c", "d", "pagefile", "e")),
        )

    counters = Counters(size=ctypes.sizeof(Counters))
    kernel = ctypes.WinDLL("kernel32")
    kernel.GetCurrentProcess.restype = ctypes.c_void_p
    kernel.K32GetProcessMemoryInfo.argtypes = (ctypes.c_void_p, ctypes.c_void_p, ctypes.c_uint32)
    good = kernel.K32GetProcessMemoryInfo(kernel.GetCurrentProcess(), ctypes.byref(counters), counters.size)
    return int(counters.working_set) if good else 0
