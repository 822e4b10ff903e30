"""One target under atheris, which ends this process: `python -m tests.fuzz.process TARGET FOLDER OPTION...`."""

import logging
import sys
from hashlib import sha256
from pathlib import Path

import atheris


def main() -> None:
    """Fuzz until a limit of the options, or a finding."""
    name, folder, *options = sys.argv[1:]
    logging.disable(logging.CRITICAL)
    with atheris.instrument_imports(include=["natpass_wire", "natpass_relay", "natpass_agent", "natpass_tui"]):
        from tests.fuzz.targets import load

        target = load(name)
    work, findings = Path(folder, "corpus"), Path(folder, "findings")
    for each in (work, findings):
        each.mkdir()
    for seed in (*target.seeds, *(path.read_bytes() for path in target.corpus)):
        (work / sha256(seed).hexdigest()[:16]).write_bytes(seed)
    limits = [f"-artifact_prefix={findings}/", "-max_len=4096", "-timeout=20", "-rss_limit_mb=2048", *options]
    atheris.Setup([sys.argv[0], *limits, str(work)], target.test)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
