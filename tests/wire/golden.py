"""Messages and their bytes, written by hand from the tables of docs/wire.md §2, field for field.

A field is a tag (number << 3 | 0 for a varint, | 2 for bytes, | 1 for 8 fixed bytes) and its value; numbers from 16 up
have tags of two bytes (low seven bits first). Protobuf writes fields in the order of their numbers.
"""

from dataclasses import dataclass

from natpass_wire.pb import code_pb2 as code
from natpass_wire.pb import desktop_pb2 as desktop
from natpass_wire.pb import link_pb2 as link
from natpass_wire.pb import login_pb2 as login
from natpass_wire.pb import roster_pb2 as roster
from natpass_wire.pb import shell_pb2 as shell
from natpass_wire.pb.envelope_pb2 import Msg, MsgType, Notice, Ping


@dataclass(frozen=True)
class Golden:
    """One message, by name, and its bytes as `tests.support.hexes` reads them."""

    name: str
    message: Msg
    annotated: str


def _c(**fields: object) -> Msg:
    """Return a message from client c to agent a on link f0."""
    return Msg(from_id="c", to="a", link_id="f0", **fields)  # type: ignore[arg-type]


#: from "c", to "a", link_id "f0": what most vectors share behind their type.
_C_TO_A = "12 01 'c'  22 01 'a'  32 02 'f0'\n"

EXISTING = [
    Golden(
        "every field of the envelope",
        Msg(type=MsgType.forward, from_id="c", from_idx=300, to="a", to_idx=1, link_id="0123456789abcdef"),
        """08 06           # _type 1: forward 6
           12 01 'c'       # from 2
           18 ac 02        # from_idx 3: 300
           22 01 'a'       # to 4
           28 01           # to_idx 5
           32 10 '0123456789abcdef'  # link_id 6""",
    ),
    Golden("unknown", Msg(type=MsgType.unknown, from_id="c"), "12 01 'c'  # type 0 is not written"),
    Golden(
        "handshake md5",
        Msg(
            type=MsgType.handshake,
            from_id="c",
            to="server",
            hsp=login.HandshakePayload(enc=bytes.fromhex("5ebe2294ecd0e0f08eab7690d2a6ee69")),
        ),
        """08 01  12 01 'c'  22 06 'server'
           52 12           # hsp 10
             0a 10         # enc 1
               5ebe2294ecd0e0f08eab7690d2a6ee69  # md5 of 'secret'""",
    ),
    Golden(
        "handshake hmac",
        Msg(
            type=MsgType.handshake,
            from_id="c",
            to="server",
            hsp=login.HandshakePayload(enc=bytes(range(64))),
        ),
        """08 01  12 01 'c'  22 06 'server'
           52 42  0a 40    # hsp 10, enc 1: 64 bytes
             00010203 04050607 08090a0b 0c0d0e0f 10111213 14151617 18191a1b 1c1d1e1f
             20212223 24252627 28292a2b 2c2d2e2f 30313233 34353637 38393a3b 3c3d3e3f""",
    ),
    Golden(
        "keepalive of a client", Msg(type=MsgType.keepalive, from_id="c", to="server"), "08 02 12 01 'c' 22 06 'server'"
    ),
    Golden("keepalive of a relay", Msg(type=MsgType.keepalive, from_id="server"), "08 02  12 06 'server'"),
    Golden(
        "connect_req tcp",
        _c(
            type=MsgType.connect_req,
            creq=link.ConnectRequest(
                name="web", kind=link.ConnectRequest.tcp, caddr=link.ConnectAddr(addr="10.0.0.1", port=8080)
            ),
        ),
        "08 03"
        + _C_TO_A
        + """5a 14          # creq 11
               0a 03 'web'   # name 1; _type 2 is tcp 0: not written
               52 0d         # caddr 10
                 0a 08 '10.0.0.1'  # addr 1
                 10 90 3f          # port 2: 8080 = 0x10 + 0x3f * 128""",
    ),
    Golden(
        "connect_req udp",
        _c(
            type=MsgType.connect_req,
            creq=link.ConnectRequest(
                name="dns", kind=link.ConnectRequest.udp, caddr=link.ConnectAddr(addr="::1", port=53)
            ),
        ),
        "08 03"
        + _C_TO_A
        + """5a 10
               0a 03 'dns'
               10 01         # _type 2: udp 1
               52 07  0a 03 '::1'  10 35""",
    ),
    Golden(
        "connect_req shell",
        _c(
            type=MsgType.connect_req,
            creq=link.ConnectRequest(
                name="s",
                kind=link.ConnectRequest.shell,
                cshell=link.ConnectShell(exec="/bin/sh", env=["A=1", "B=é"]),
            ),
        ),
        "08 03"
        + _C_TO_A
        + """5a 1b
               0a 01 's'
               10 02         # _type 2: shell 2
               5a 14         # cshell 11
                 0a 07 '/bin/sh'    # exec 1
                 12 03 'A=1'        # env 2
                 12 04 'B=' c3 a9   # env 2 again""",
    ),
    Golden(
        "connect_req shell, nothing said",
        _c(
            type=MsgType.connect_req,
            creq=link.ConnectRequest(name="s", kind=link.ConnectRequest.shell, cshell=link.ConnectShell()),
        ),
        "08 03" + _C_TO_A + "5a 07  0a 01 's'  10 02  5a 00",
    ),
    Golden(
        "connect_req vnc",
        _c(
            type=MsgType.connect_req,
            creq=link.ConnectRequest(
                name="v",
                kind=link.ConnectRequest.vnc,
                cvnc=link.ConnectVnc(fps=50, quality=100, cursor=True),
            ),
        ),
        "08 03"
        + _C_TO_A
        + """5a 0d
               0a 01 'v'
               10 03         # _type 2: vnc 3
               62 06         # cvnc 12
                 08 32       # fps 1
                 10 64       # quality 2
                 18 01       # cursor 3""",
    ),
    Golden(
        "connect_req bench",
        _c(type=MsgType.connect_req, creq=link.ConnectRequest(name="b", kind=link.ConnectRequest.bench)),
        "08 03" + _C_TO_A + "5a 05  0a 01 'b'  10 04  # bench 4",
    ),
    Golden(
        "connect_req code",
        _c(type=MsgType.connect_req, creq=link.ConnectRequest(name="k", kind=link.ConnectRequest.code)),
        "08 03" + _C_TO_A + "5a 05  0a 01 'k'  10 05  # code 5",
    ),
    Golden(
        "connect_rep ok",
        _c(type=MsgType.connect_rep, crep=link.ConnectResponse(ok=True)),
        "08 04" + _C_TO_A + "62 02  08 01  # crep 12, ok 1",
    ),
    Golden(
        "connect_rep not ok",
        _c(type=MsgType.connect_rep, crep=link.ConnectResponse(ok=False, msg="no such program")),
        "08 04" + _C_TO_A + "62 11  12 0f 'no such program'  # crep 12, msg 2",
    ),
    Golden("disconnect", _c(type=MsgType.disconnect), "08 05" + _C_TO_A),
    Golden(
        "forward",
        _c(type=MsgType.forward, data=link.Data(data=b"\x00\xff\x80")),
        "08 06" + _C_TO_A + "6a 05  0a 03 00ff80  # _data 13, data 1",
    ),
    Golden(
        "shell_resize",
        _c(type=MsgType.shell_resize, sresize=shell.ShellResize(rows=24, cols=200)),
        "08 0a" + _C_TO_A + "a2 01 05  08 18  10 c8 01  # sresize 20, rows 1: 24, cols 2: 200",
    ),
    Golden(
        "shell_data",
        _c(type=MsgType.shell_data, sdata=shell.ShellData(data=b"\x1b[0m")),
        "08 0b" + _C_TO_A + "aa 01 06  0a 04 1b '[0m'  # sdata 21, data 1",
    ),
    Golden(
        "shell_data that nobody typed",
        _c(type=MsgType.shell_data, sdata=shell.ShellData(data=b"x", source=shell.ShellData.RELEASE, seen=300)),
        "08 0b" + _C_TO_A + "aa 01 0a  0a 01 'x'  a0 06 04  a8 06 ac 02  # sdata 21, data 1, source 100, seen 101: 300",
    ),
    Golden(
        "vnc_ctrl",
        _c(type=MsgType.vnc_ctrl, vctrl=desktop.VncControl(quality=80, cursor=True)),
        "08 14" + _C_TO_A + "f2 01 04  08 50  10 01  # vctrl 30, quality 1, cursor 2",
    ),
    Golden(
        "vnc_image jpeg",
        _c(
            type=MsgType.vnc_image,
            vimg=desktop.VncImage(
                info=desktop.VncImage.Info(
                    screen_width=1920, screen_height=1080, rect_x=64, rect_y=128, rect_width=63, rect_height=1
                ),
                encode=desktop.VncImage.jpeg,
                data=b"\xff\xd8",
            ),
        ),
        "08 15"
        + _C_TO_A
        + """fa 01 17        # vimg 31
               0a 0f          # _info 1
                 08 80 0f     # screen_width 1: 1920 = 15 * 128
                 10 b8 08     # screen_height 2: 1080 = 0x38 + 8 * 128
                 18 40        # rect_x 3
                 20 80 01     # rect_y 4
                 28 3f        # rect_width 5
                 30 01        # rect_height 6
               10 01          # encode 2: jpeg 1
               1a 02 ffd8     # data 3""",
    ),
    Golden(
        "vnc_image raw",
        _c(type=MsgType.vnc_image, vimg=desktop.VncImage(data=b"\x01\x02\x03\xff")),
        "08 15" + _C_TO_A + "fa 01 06  1a 04 010203ff  # encode raw 0 is not written",
    ),
    Golden(
        "vnc_image png",
        _c(type=MsgType.vnc_image, vimg=desktop.VncImage(encode=desktop.VncImage.png)),
        "08 15" + _C_TO_A + "fa 01 02  10 02",
    ),
    Golden(
        "vnc_mouse down left",
        _c(
            type=MsgType.vnc_mouse,
            vmouse=desktop.VncMouse(type=desktop.vnc_down, btn=desktop.VncMouse.left, x=5, y=1000),
        ),
        "08 16" + _C_TO_A + "82 02 09  08 01  10 01  18 05  20 e8 07  # vmouse 32: type 1, btn 2, x 3, y 4",
    ),
    Golden(
        "vnc_mouse up right",
        _c(type=MsgType.vnc_mouse, vmouse=desktop.VncMouse(type=desktop.vnc_up, btn=desktop.VncMouse.right)),
        "08 16" + _C_TO_A + "82 02 04  08 02  10 03",
    ),
    Golden(
        "vnc_mouse middle",
        _c(type=MsgType.vnc_mouse, vmouse=desktop.VncMouse(btn=desktop.VncMouse.middle)),
        "08 16" + _C_TO_A + "82 02 02  10 02",
    ),
    Golden(
        "vnc_mouse move",
        _c(type=MsgType.vnc_mouse, vmouse=desktop.VncMouse(x=1, y=2)),
        "08 16" + _C_TO_A + "82 02 04  18 01  20 02",
    ),
    Golden(
        "vnc_keyboard",
        _c(type=MsgType.vnc_keyboard, vkbd=desktop.VncKeyboard(type=desktop.vnc_up, key="enter")),
        "08 17" + _C_TO_A + "8a 02 09  08 02  12 05 'enter'  # vkbd 33: type 1, key 2",
    ),
    Golden("vnc_cad", _c(type=MsgType.vnc_cad), "08 18" + _C_TO_A),
    Golden(
        "vnc_scroll",
        _c(type=MsgType.vnc_scroll, vscroll=desktop.VncScroll(x=3, y=-1)),
        "08 19"
        + _C_TO_A
        + "92 02 0d  08 03  10 ffffffff ffffffff ff01  # vscroll 34: x 1, y 2; int32 -1 is 64 bits of ones",
    ),
    Golden(
        "vnc_clipboard text",
        _c(
            type=MsgType.vnc_clipboard,
            vclipboard=desktop.VncClipboard(set=True, type=desktop.VncClipboard.text, data="中"),
        ),
        "08 1a" + _C_TO_A + "9a 02 09  08 01  10 01  52 03 e4b8ad  # vclipboard 35: set 1, _type 2, data 10",
    ),
    Golden(
        "vnc_clipboard image",
        _c(type=MsgType.vnc_clipboard, vclipboard=desktop.VncClipboard(type=desktop.VncClipboard.image)),
        "08 1a" + _C_TO_A + "9a 02 02  10 02",
    ),
    Golden(
        "vnc_clipboard file, empty text",
        _c(type=MsgType.vnc_clipboard, vclipboard=desktop.VncClipboard(type=desktop.VncClipboard.file, data="")),
        "08 1a" + _C_TO_A + "9a 02 04  10 03  52 00  # a oneof's field is written even if it is empty",
    ),
    Golden(
        "code_request", _c(type=MsgType.code_request, csreq=code.CodeRequest()), "08 1e" + _C_TO_A + "c2 02 00  # 40"
    ),
    Golden(
        "code_response_hdr",
        _c(type=MsgType.code_response_hdr, csrep_hdr=code.CodeResponseHdr()),
        "08 1f" + _C_TO_A + "ca 02 00  # 41",
    ),
    Golden(
        "code_response_body",
        _c(type=MsgType.code_response_body, csrep_body=code.CodeResponseBody()),
        "08 20" + _C_TO_A + "d2 02 00  # 42",
    ),
    Golden(
        "code_connect", _c(type=MsgType.code_connect, csconn=code.CodeConnect()), "08 21" + _C_TO_A + "da 02 00  # 43"
    ),
    Golden(
        "code_connect_response",
        _c(type=MsgType.code_connect_response, csconn_rep=code.CodeConnectResponse()),
        "08 22" + _C_TO_A + "e2 02 00  # 44",
    ),
    Golden("code_data", _c(type=MsgType.code_data, csdata=code.CodeData()), "08 23" + _C_TO_A + "ea 02 00  # 45"),
]


def _login(payload: login.HandshakePayload) -> Msg:
    return Msg(type=MsgType.handshake, from_id="c", to="server", hsp=payload)


_LOGIN = "08 01  12 01 'c'  22 06 'server'\n"

OURS = [
    Golden(
        "hello",
        _login(
            login.HandshakePayload(
                hello=login.Hello(
                    version=2,
                    nonce=b"N" * 32,
                    role=login.ROLE_CONSOLE,
                    capabilities=["roster", "x"],
                    program="p 1",
                )
            )
        ),
        _LOGIN
        + """52 39            # hsp 10
               a2 06 36        # hello 100
                 08 02                 # version 1
                 12 20 'NNNNNNNNNNNNNNNNNNNNNNNNNNNNNNNN'  # nonce 2
                 18 02                 # role 3: console 2
                 22 06 'roster'        # capabilities 4
                 22 01 'x'
                 2a 03 'p 1'           # program 5""",
    ),
    Golden(
        "hello of an agent",
        _login(login.HandshakePayload(hello=login.Hello(role=login.ROLE_AGENT))),
        _LOGIN + "52 05  a2 06 02  18 01",
    ),
    Golden(
        "challenge",
        _login(
            login.HandshakePayload(
                challenge=login.Challenge(version=2, nonce=b"M", capabilities=["roster"], program="r")
            )
        ),
        _LOGIN + "52 13  aa 06 10  08 02  12 01 'M'  1a 06 'roster'  22 01 'r'  # challenge 101",
    ),
    Golden(
        "proof",
        _login(
            login.HandshakePayload(
                proof=login.Proof(transport=login.TRANSPORT_TLS, certificate_sha256=b"C", instance=b"I", mac=b"M")
            )
        ),
        _LOGIN + "52 0e  b2 06 0b  08 02  12 01 'C'  1a 01 'I'  22 01 'M'  # proof 102",
    ),
    Golden(
        "proof without TLS",
        _login(login.HandshakePayload(proof=login.Proof(transport=login.TRANSPORT_NONE))),
        _LOGIN + "52 05  b2 06 02  08 01",
    ),
    Golden(
        "accept",
        _login(login.HandshakePayload(accept=login.Accept(mac=b"M", keepalive_ms=5000))),
        _LOGIN + "52 09  ba 06 06  0a 01 'M'  10 88 27  # accept 103: mac 1, keepalive_ms 2: 5000 = 8 + 39 * 128",
    ),
    Golden(
        "refusal",
        _login(login.HandshakePayload(refusal=login.Refusal(code=login.Refusal.WRONG_SECRET, text="no"))),
        _LOGIN + "52 09  c2 06 06  08 01  12 02 'no'  # refusal 104",
    ),
    Golden(
        "ping",
        Msg(type=MsgType.ping, from_id="c", to="server", ping=Ping(nonce=0x0102030405060708)),
        "08 64  12 01 'c'  22 06 'server'  a2 06 09  09 08070605 04030201  # ping 100: nonce 1, fixed64 little-endian",
    ),
    Golden(
        "pong",
        Msg(type=MsgType.pong, from_id="server", to="c", ping=Ping(nonce=1)),
        "08 65  12 06 'server'  22 01 'c'  a2 06 09  09 01000000 00000000",
    ),
    Golden(
        "notice",
        Msg(
            type=MsgType.notice,
            from_id="server",
            to="c",
            notice=Notice(code=Notice.SHUTTING_DOWN, text="bye"),
        ),
        "08 66  12 06 'server'  22 01 'c'  aa 06 07  08 02  12 03 'bye'  # notice 101",
    ),
    Golden(
        "connect_req shell with a size",
        _c(
            type=MsgType.connect_req,
            creq=link.ConnectRequest(kind=link.ConnectRequest.shell, cshell=link.ConnectShell(rows=24, cols=80)),
        ),
        "08 03" + _C_TO_A + "5a 0a  10 02  5a 06  a0 06 18  a8 06 50  # rows 100, cols 101",
    ),
    Golden(
        "connect_rep with a reason",
        _c(type=MsgType.connect_rep, crep=link.ConnectResponse(msg="x", reason=link.ConnectResponse.ABSENT)),
        "08 04" + _C_TO_A + "62 06  12 01 'x'  a0 06 01  # reason 100",
    ),
    Golden(
        "disconnect, exited",
        _c(type=MsgType.disconnect, end=link.LinkEnd(cause=link.LinkEnd.EXITED, text="x", status=-9)),
        "08 05"
        + _C_TO_A
        + "b2 06 07  08 01  12 01 'x'  18 11  # end 102: cause 1, text 2, status 3 (zigzag of -9: 17)",
    ),
    Golden(
        "disconnect, status 0",
        _c(type=MsgType.disconnect, end=link.LinkEnd(cause=link.LinkEnd.EXITED, status=0)),
        "08 05" + _C_TO_A + "b2 06 04  08 01  18 00  # an optional field is written even if it is 0",
    ),
    Golden(
        "vnc_ctrl with a frame rate",
        _c(type=MsgType.vnc_ctrl, vctrl=desktop.VncControl(fps=25)),
        "08 14" + _C_TO_A + "f2 01 03  a0 06 19  # fps 100",
    ),
    Golden(
        "vnc_clipboard that is not sent",
        _c(type=MsgType.vnc_clipboard, vclipboard=desktop.VncClipboard(notice="too long")),
        "08 1a" + _C_TO_A + "9a 02 0b  a2 06 08 'too long'  # notice 100",
    ),
    Golden(
        "about",
        Msg(
            type=MsgType.about,
            from_id="a",
            to="server",
            about=roster.About(host="h", os="o", user="u", version="1", serves=["shell", "x"]),
        ),
        "08 6e  12 01 'a'  22 06 'server'\n"
        "f2 06 16  0a 01 'h'  12 01 'o'  1a 01 'u'  22 01 '1'  2a 05 'shell'  2a 01 'x'  # about 110",
    ),
    Golden(
        "roster_watch",
        Msg(type=MsgType.roster_watch, from_id="c", to="server", roster_watch=roster.RosterWatch(on=True)),
        "08 6f  12 01 'c'  22 06 'server'  fa 06 02  08 01  # 111",
    ),
    Golden(
        "roster",
        Msg(
            type=MsgType.roster,
            from_id="server",
            to="c",
            roster=roster.Roster(
                revision=7,
                snapshot_begin=True,
                snapshot_end=True,
                present=[roster.RosterEntry(id="a", about=roster.About(host="h"), connected_unix_ms=1_700_000_000_000)],
                left=["b"],
                now_unix_ms=128,
                away=[roster.RosterEntry(id="b", away_since_unix_ms=127, console=True)],
            ),
        ),
        """08 70  12 06 'server'  22 01 'c'
           82 07 26           # roster 112
             08 07            # revision 1
             10 01            # snapshot_begin 2
             18 01            # snapshot_end 3
             22 0f            # present 4
               0a 01 'a'      # id 1
               12 03 0a 01 'h'            # about 2
               18 80 d0 95 ff bc 31       # connected_unix_ms 3: 1 700 000 000 000
             2a 01 'b'        # left 5
             30 80 01         # now_unix_ms 6
             3a 07  0a 01 'b'  20 7f  28 01  # away 7: id 1, away_since_unix_ms 4, console 5""",
    ),
    Golden(
        "rtt_request",
        Msg(type=MsgType.rtt_request, from_id="c", to="server", rtt_request=roster.RttRequest(ids=["a", "b"])),
        "08 71  12 01 'c'  22 06 'server'  8a 07 06  0a 01 'a'  0a 01 'b'  # 113",
    ),
    Golden(
        "rtt_report",
        Msg(
            type=MsgType.rtt_report,
            from_id="server",
            to="c",
            rtt_report=roster.RttReport(rtts=[roster.RttReport.Rtt(id="a", micros=1000), roster.RttReport.Rtt(id="b")]),
        ),
        "08 72  12 06 'server'  22 01 'c'  92 07 0d  0a 06  0a 01 'a'  10 e8 07  0a 03  0a 01 'b'  # 114",
    ),
]
