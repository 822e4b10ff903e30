"""The certificate that a relay makes itself, as those see it who verify names: existing natpass programs up to 0.10."""

import re
import socket
import ssl
from pathlib import Path

import pytest

from natpass_relay.certificate import MOST_NAMES, Certificate, certificate_name, make_self_signed
from natpass_relay.local import local_addresses
from tests.end_to_end.agent_programs import LEGACY_SECRET, Program
from tests.support.relay_process import RelayProcess, relay_process
from tests.support.witness import Witness, hmac_proof, md5_proof

pytestmark = pytest.mark.programs


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("relay.example.org", "relay.example.org"),
        ("Relay.Example.ORG.", "relay.example.org"),
        ("*.example.org", "*.example.org"),
        ("bücher.example", "xn--bcher-kva.example"),
        ("my_host", "my_host"),
        ("192.0.2.7", "192.0.2.7"),
        ("[2001:db8::7]", "2001:db8::7"),
        ("2001:0DB8:0::7", "2001:db8::7"),
        ("fe80::7%eth0", "fe80::7"),
        ("", None),
        ("two words", None),
        ("a..b", None),
        ("-a", None),
        ("x" * 64, None),
        (".".join(["x" * 60] * 5), None),
        ("relay.example.org:6154", None),
        ("a*.example", None),
    ],
)
def test_names_as_they_stand_in_a_certificate(text: str, name: str | None) -> None:
    assert certificate_name(text) == name


def names_of(tmp_path: Path, *names: str) -> frozenset[str]:
    file = tmp_path / "relay.pem"
    file.write_bytes(b"".join(make_self_signed(names)))
    return Certificate.from_pem_file(file).names


def test_what_can_not_stand_there_is_left_out_and_there_are_not_too_many(tmp_path: Path) -> None:
    assert names_of(tmp_path, "b.example", "no name", "::1", "b.example") == {"b.example", "::1", "natpass-relay"}
    many = names_of(tmp_path, "b.example", *(f"10.0.{n // 256}.{n % 256}" for n in range(1000)))
    assert len(many) == MOST_NAMES
    assert "b.example" in many


def verified(relay: RelayProcess, authority: Path, name: str) -> bool:
    """Tell whether a client whose only authority is `authority` finds this name in the relay's certificate."""
    context = ssl.create_default_context(cafile=str(authority))
    context.verify_flags |= ssl.VERIFY_X509_STRICT
    assert context.check_hostname
    with socket.create_connection((relay.host, relay.port), timeout=10) as bare:
        try:
            with context.wrap_socket(bare, server_hostname=name):
                return True
        except ssl.SSLCertVerificationError:
            return False


def test_every_name_and_address_of_the_relay_is_verified_with_its_certificate_as_authority(tmp_path: Path) -> None:
    told = ["relay.example.org", "203.0.113.5", "2001:db8::5"]
    options = [word for name in told for word in ("--tls-name", name)]
    with relay_process(tmp_path, *options, "--listen", "127.0.0.2:0") as relay:
        authority = tmp_path / "relay.pem"
        local = [str(ip) for ip in local_addresses() if not ip.is_link_local]
        assert local
        for name in (*told, "localhost", "127.0.0.1", "127.0.0.2", "::1", socket.gethostname(), *local):
            assert verified(relay, authority, name), name
        for name in ("other.example.org", "example.org", "203.0.113.6"):
            assert not verified(relay, authority, name), name


def fingerprint(relay: RelayProcess) -> str:
    found = re.search(r"certificate SHA-256 (\S+)", rest_of(relay))
    assert found is not None
    return found[1]


def test_it_is_made_anew_when_a_name_is_missing_from_it_and_only_then(tmp_path: Path) -> None:
    seen = []
    for names in ([], [], ["a.example"], ["A.example."], [], ["a.example", "b.example"], ["b.example"]):
        options = [word for name in names for word in ("--tls-name", name)]
        with relay_process(tmp_path, *options) as relay:
            seen.append(fingerprint(relay))
    first, second, third = (seen[number] for number in (0, 2, 5))
    assert len({first, second, third}) == 3
    assert seen == [first, first, second, second, second, third, third]
    assert (tmp_path / "relay.pem").stat().st_mode & 0o777 == 0o600


def test_existing_programs_with_and_without_tls_and_an_agent_of_ours_at_one_port(tmp_path: Path) -> None:
    """As users run it: the programs, a verifying client that has the certificate, and one that speaks bare TCP."""
    state = tmp_path / "relay"
    state.mkdir()
    legacy = ["--legacy", "md5", "--legacy", "hmac", "--legacy-secret", LEGACY_SECRET]
    with relay_process(state, *legacy, "--tls-name", "relay.example.org") as relay:
        options = ["--relay", f"127.0.0.1:{relay.port}", "--id", "box", "--allow-unsealed"]
        options += ["--secret-file", str(state / "secret"), "--state-dir", str(tmp_path / "agent")]
        with Program("natpass_agent", options, tmp_path, {"NATPASS_SECRET": ""}) as agent:
            agent.said("logged in at")
            context = ssl.create_default_context(cafile=str(state / "relay.pem"))
            for number, (tls, proof) in enumerate(
                [
                    (None, hmac_proof(LEGACY_SECRET)),
                    (context, hmac_proof(LEGACY_SECRET)),
                    (None, md5_proof(LEGACY_SECRET)),
                ]
            ):
                with Witness(relay.host, relay.port, f"old-{number}", tls=tls) as old:
                    old.log_in(proof)
                    output = b"".join(old.shell_output(old.open_shell("box", program="seq 1 20000")))
                    assert output == b"".join(b"%d\r\n" % n for n in range(1, 20_001))


def test_a_certificate_that_is_older_than_an_address_of_the_relay_is_told_with_what_to_do(tmp_path: Path) -> None:
    legacy = ["--legacy", "hmac", "--legacy-secret", LEGACY_SECRET]
    file = tmp_path / "relay.pem"
    file.write_bytes(b"".join(make_self_signed(["localhost"])))
    file.chmod(0o600)
    wanted = (
        "the certificate does not name 127.0.0.1: existing natpass programs up to 0.10 refuse it "
        f"there; remove {file} and start again\n"
    )
    for options, is_told in ((legacy, True), ([], False)):  # ours do not look at names
        with relay_process(tmp_path, *options) as relay:
            assert (wanted in rest_of(relay)) == is_told
    file.unlink()
    with relay_process(tmp_path, *legacy) as relay:
        assert wanted not in rest_of(relay)


def rest_of(relay: RelayProcess) -> str:
    assert relay.process.stdout is not None
    relay.process.terminate()
    return relay.process.stdout.read()
