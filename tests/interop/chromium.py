"""A browser through `forward -D`: a page of 200 small files that only the agent reaches, by SOCKS5 and by CONNECT."""

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.interop.beyond import NAME, Beyond, beyond
from tests.interop.pages import FILES, HTTP, HTTPS, make, nginx, served
from tests.interop.tool import Tool
from tests.support.waiting import wait_until

#: What keeps it off the network, and lets root run it in a container.
_QUIET = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-quic",
    "--no-first-run",
    "--disable-sync",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-default-apps",
    "--disable-extensions",
    "--no-default-browser-check",
    "--disable-features=OptimizationHints,Translate",
    "--ignore-certificate-errors",
    "--password-store=basic",
    "--proxy-bypass-list=<-loopback>",
]


@contextmanager
def _browser(place: Beyond, proxy: str, url: str, number: int) -> Iterator["subprocess.Popen[bytes]"]:
    """Show a page, with a fresh profile; all of the browser's processes end in the end."""
    profile = place.folder / f"profile-{number}"
    options = [*_QUIET, f"--user-data-dir={profile}", f"--proxy-server={proxy}"]
    with (
        (place.folder / f"chromium-{number}.log").open("wb") as log,
        subprocess.Popen(
            [*place.machines.on_relay(), "chromium", *options, url],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            env=place.env,
            cwd=place.folder,
        ) as browser,
    ):
        try:
            yield browser
        finally:
            browser.terminate()
            try:
                browser.wait(20)
            except subprocess.TimeoutExpired:
                browser.kill()


def _pages(folder: Path, times: int) -> None:
    """Show the page so often by each kind of proxy; nothing is left behind."""
    with beyond(folder) as place, nginx(place), place.forward("-D 0") as (console, (port,)):
        make(folder / "www")
        first = f"http://{NAME}:{HTTP}/"
        place.here("curl", "-sSf", "--socks5-hostname", f"127.0.0.1:{port}", "-o", "/dev/null", first)
        before = place.open_now(console)
        ways = [(f"socks5://127.0.0.1:{port}", first), (f"http://127.0.0.1:{port}", f"https://{NAME}:{HTTPS}/")]
        for number, (proxy, url) in enumerate(ways * times):
            (folder / "access.log").write_text("")
            with _browser(place, proxy, url, number) as browser:

                def is_loaded(browser: "subprocess.Popen[bytes]" = browser) -> bool:
                    assert browser.poll() is None, f"the browser has ended with {browser.returncode}"
                    return f"/loaded?{FILES}" in served(folder)

                wait_until(is_loaded, f"{FILES} files by {proxy}", timeout=60)
                # It keeps some for the next page: what is over below was there.
                assert all(now.is_more_than(before[program]) for program, now in place.open_now(console).items())
            files = {path for path in served(folder) if path[1:2] in {"s", "i", "t"}}
            assert len(files) == FILES, f"{len(files)} files were served by {proxy}"
            place.check_nothing_left(before)
        assert console.stop() == 0


def small(folder: Path) -> None:
    """Show the page by each kind of proxy."""
    _pages(folder, 1)


def heavy(folder: Path) -> None:
    """Show it ten times by each."""
    _pages(folder, 10)


TOOL = Tool(
    "a browser through -D: a page of 200 files by SOCKS5, and by HTTP's CONNECT",
    {"chromium": "chromium", "nginx": "nginx", "curl": "curl", "ip": "iproute2", "openssl": "openssl"},
    small,
    heavy,
)
