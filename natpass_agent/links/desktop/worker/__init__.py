"""The desktop worker: the process that captures the screen and feeds input to it.

Only this package imports mss, pynput, python-xlib, simplejpeg and pillow. The parts for each operating system are in
`screen/`, `input/` and `clipboard/` (each a Protocol, a factory, a fake); `x11` and `xkb` serve all three.

Modules: `keys`, `tiles`, `pacing` (PURE); `pictures` (pixels to messages); `capture` (screen to pictures); `controls`
(messages to input); `clips` (the clipboard); `serve` (the websocket); `main` (the process).
"""
