"""The desktop kind (`vnc` on the wire, docs/wire.md §4): a real screen with keyboard, mouse and clipboard.

The agent's own process only listens on loopback, starts the worker and forwards: it imports no graphics library, so
that it starts without a display. Everything that touches a screen is in `worker/`, a process of its own.

    viewer <-- link --> server ── websocket on 127.0.0.1 ──> worker ── X11, Windows, macOS

Modules: `view` and `protocol` (PURE) are shared by both processes; `gate` (PURE) says who may connect; `worker_host`
starts, admits and ends the worker; `server` carries messages between the link and it.
"""
