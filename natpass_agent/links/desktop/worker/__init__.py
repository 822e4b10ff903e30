"""The desktop worker: the process that captures the screen and feeds input to it.

The only place that imports mss, pynput, python-xlib, simplejpeg and pillow. What differs between operating systems is
in `screen/`, `input/` and `clipboard/` (each a Protocol, a factory, a fake); `x11` and `xkb` serve all three.

Modules: `keys`, `tiles`, `pacing` (PURE); `pictures` (pixels to messages); `capture` (screen to pictures); `controls`
(messages to input); `clips` (the clipboard); `serve` (the websocket); `main` (the process).
"""
