"""What a run ran on, for the record: found out without importing anything heavy."""

from __future__ import annotations

import os
import platform
import re
import sys
from pathlib import Path
from typing import Any

_CPU_INFO = Path("/proc/cpuinfo")
_GPUS = Path("/proc/driver/nvidia/gpus")
_MODEL_NAME = re.compile(r"^(?:model name|Model)\s*:\s*(.+?)\s*$", re.MULTILINE)


def machine_facts() -> dict[str, Any]:
    """Return the system, processor, cores, memory and graphics cards, and Python's version.

    ``cores`` are those of the machine, ``cores_usable`` those that this process may run on;
    memory is in bytes. The versions of torch and CUDA are there where torch is imported already.
    """
    return {
        "platform": platform.platform(),
        "system": _system(),
        "processor": platform.machine(),
        "cpu": _cpu(),
        "cores": os.cpu_count(),
        "cores_usable": _cores_usable(),
        "memory_bytes": _memory_bytes(),
        "gpus": _gpus(),
        "python": f"{platform.python_implementation()} {platform.python_version()}",
        **_torch(),
    }


def _system() -> str:
    try:
        return platform.freedesktop_os_release()["PRETTY_NAME"]
    except (OSError, KeyError):
        return f"{platform.system()} {platform.release()}"


def _cpu() -> str | None:
    return _model_in(_CPU_INFO) or platform.processor() or None


def _cores_usable() -> int | None:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count()


def _memory_bytes() -> int | None:
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (ValueError, OSError):
        return None


def _gpus() -> list[str]:
    """Return the names of the NVIDIA cards that the driver lists, else of those torch sees."""
    files = sorted(_GPUS.glob("*/information"))
    listed = [name for file in files if (name := _model_in(file))]
    torch = sys.modules.get("torch")
    if listed or torch is None or not torch.cuda.is_available():
        return listed
    return [torch.cuda.get_device_name(i) for i in range(torch.cuda.device_count())]


def _torch() -> dict[str, str | None]:
    torch = sys.modules.get("torch")
    return {} if torch is None else {"torch": torch.__version__, "cuda": torch.version.cuda}


def _model_in(file: Path) -> str | None:
    try:
        found = _MODEL_NAME.search(file.read_text(encoding="utf-8", errors="replace"))
    except OSError:
        return None
    return found[1] if found else None
