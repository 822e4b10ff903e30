"""The link kinds that this agent serves: one folder each, which exports the kind's descriptor as `KIND`."""

from importlib import import_module

from natpass_agent.links.kind import Kind

#: The kinds' folders, in the order of `--help`. A new kind is its folder and a line here.
FOLDERS = (
    "shell",
    "exec",
    "desktop",
    "forward",
    "tcp",
    "udp",
    "bench",
)
KINDS: tuple[Kind, ...] = tuple(import_module(f"{__name__}.{folder}").KIND for folder in FOLDERS)
