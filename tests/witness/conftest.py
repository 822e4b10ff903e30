from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.support.relay_process import RelayProcess, relay_process
from tests.support.witness import Witness, hmac_proof, md5_proof

SECRET = "an old secret"

Join = Callable[..., Witness]


@pytest.fixture(scope="module")
def relay(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RelayProcess]:
    """A relay that admits both older dialects."""
    state: Path = tmp_path_factory.mktemp("relay")
    with relay_process(state, "--no-tls", "--legacy", "md5", "--legacy", "hmac", "--legacy-secret", SECRET) as process:
        yield process


@pytest.fixture
def join(relay: RelayProcess) -> Iterator[Join]:
    """Log witnesses in."""
    with ExitStack() as stack:

        def log_in(client_id: str, dialect: str = "hmac", idx: int = 0) -> Witness:
            witness = stack.enter_context(Witness(relay.host, relay.port, client_id, idx))
            witness.log_in(md5_proof(SECRET) if dialect == "md5" else hmac_proof(SECRET))
            return witness

        yield log_in
