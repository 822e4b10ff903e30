"""What attacks on forwards need on each machine: `python -m tests.hostile.forwards ROLE ARGUMENTS`.

- `server PORT`: listens everywhere; answers each connection with the address that it came to, and prints it; prints
  where each datagram came to as well.
- `names ADDRESS...`: a hostile name service at port 53, which gives each answer in turn, with no time to live.
- `client SOCKS|CONNECT PROXY PORT HOST...`: asks a proxy for each host as it is written; prints what came as JSON.
- `datagrams PORT...`: sends a datagram to each port of loopback.
"""

import json
import socket
import struct
import sys
import threading
from contextlib import suppress
from itertools import cycle

_SECONDS = 30.0
#: RFC 1035 §3.2.2.
_TYPE_A = 1


def server(port: int) -> None:
    """Serve until killed."""
    for family, everywhere in ((socket.AF_INET, "0.0.0.0"), (socket.AF_INET6, "::")):
        flow = socket.socket(family, socket.SOCK_DGRAM)
        listener = socket.socket(family)
        for each in (flow, listener):
            each.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            if family == socket.AF_INET6:
                each.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
            each.bind((everywhere, port))
        listener.listen(100)
        threading.Thread(target=_connections, args=(listener,)).start()
        threading.Thread(target=_datagrams, args=(flow,)).start()
    print("ready", flush=True)


def _connections(listener: socket.socket) -> None:
    while True:
        with suppress(OSError), listener.accept()[0] as peer:
            address = peer.getsockname()[0]
            print("connection", address, flush=True)
            peer.sendall(address.encode())


def _datagrams(flow: socket.socket) -> None:
    while True:
        print("datagram", flow.recv(100).decode(), flush=True)


def names(*addresses: str) -> None:
    """Answer until killed."""
    answers = cycle(addresses)
    with socket.socket(type=socket.SOCK_DGRAM) as sock:
        sock.bind(("127.0.0.1", 53))
        print("ready", flush=True)
        while True:
            query, client = sock.recvfrom(512)
            end = query.index(b"\0", 12) + 5
            is_a = query[end - 4 : end - 2] == struct.pack(">H", _TYPE_A)
            header = query[:2] + struct.pack(">HHHHH", 0x8580, 1, is_a, 0, 0)
            answer = b""
            if is_a:
                address = next(answers)
                print("answer", address, flush=True)
                answer = struct.pack(">HHHIH", 0xC00C, _TYPE_A, 1, 0, 4) + socket.inet_aton(address)
            sock.sendto(header + query[12:end] + answer, client)


def client(dialect: str, proxy: int, port: int, *hosts: str) -> None:
    """Ask for all hosts, and print the first bytes that came from each, empty if it was refused."""
    ask = {"SOCKS": _socks, "CONNECT": _connect}[dialect]
    found = []
    for host in hosts:
        with socket.create_connection(("127.0.0.1", proxy), timeout=_SECONDS) as peer:
            try:
                found.append(ask(peer, host, port))
            except ConnectionResetError:
                found.append("")
    print(json.dumps(found))


def _socks(peer: socket.socket, host: str, port: int) -> str:
    name = host.encode()
    peer.sendall(b"\x05\x01\x00\x05\x01\x00\x03" + bytes([len(name)]) + name + struct.pack(">H", port))
    answer = _all(peer)
    return answer[12:].decode() if answer[2:4] == b"\x05\x00" else ""


def _connect(peer: socket.socket, host: str, port: int) -> str:
    where = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    peer.sendall(f"CONNECT {where} HTTP/1.1\r\nHost: {where}\r\n\r\n".encode())
    head, _, rest = _all(peer).partition(b"\r\n\r\n")
    return rest.decode() if head.startswith(b"HTTP/1.1 200 ") else ""


def _all(peer: socket.socket) -> bytes:
    answer = b""
    while piece := peer.recv(1000):
        answer += piece
    return answer


def datagrams(*ports: int) -> None:
    """Send one to each port, with its number, and wait for a refusal."""
    for port in ports:
        with socket.socket(type=socket.SOCK_DGRAM) as sock:
            sock.connect(("127.0.0.1", port))
            sock.send(str(port).encode())


if __name__ == "__main__":
    match sys.argv[1]:
        case "server":
            server(int(sys.argv[2]))
        case "names":
            names(*sys.argv[2:])
        case "client":
            client(sys.argv[2], int(sys.argv[3]), int(sys.argv[4]), *sys.argv[5:])
        case "datagrams":
            datagrams(*map(int, sys.argv[2:]))
