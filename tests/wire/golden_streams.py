"""Messages of streams and of the kinds that travel in them, and their bytes, by hand as in `golden`."""

from natpass_wire.pb import desktop_pb2 as desktop
from natpass_wire.pb import exec_pb2 as exec_
from natpass_wire.pb import forward_pb2 as forward
from natpass_wire.pb import link_pb2 as link
from natpass_wire.pb import roster_pb2 as roster
from natpass_wire.pb import stream_pb2 as stream
from natpass_wire.pb.envelope_pb2 import Msg, MsgType
from tests.wire.golden import Golden

_OFFER = link.StreamOffer(version=1, handshake=b"e")
_EXEC = link.ConnectRequest(
    kind=link.ConnectRequest.exec, cexec=exec_.ConnectExec(argv=[b"ls"], cwd=b"/", env=[b"K=V"], timeout_ms=1000)
)

STREAMS = [
    Golden(
        "connect_req for a stream",
        Msg(
            type=MsgType.connect_req,
            from_id="c",
            to="a",
            link_id="f0",
            creq=link.ConnectRequest(kind=link.ConnectRequest.stream, offer=_OFFER),
        ),
        """08 03  12 01 'c'  22 01 'a'  32 02 'f0'
           5a 0a             # creq 11
             10 64           # kind 2: stream 100
             aa 06 05 08 01  # offer 101: version 1
               12 01 'e'     # handshake 2""",
    ),
    Golden(
        "connect_req that comes again with a cookie, as the relay forwards it",
        Msg(
            type=MsgType.connect_req,
            creq=link.ConnectRequest(
                kind=link.ConnectRequest.stream, offer=link.StreamOffer(version=1, cookie=b"ck"), origin=b"net"
            ),
        ),
        """08 03
           5a 11                # creq 11
             10 64              # kind 2: stream 100
             aa 06 06 08 01     # offer 101: version 1
               22 02 'ck'       # cookie 4
             b2 06 03 'net'     # origin 102""",
    ),
    Golden(
        "connect_rep that asks for a cookie",
        Msg(type=MsgType.connect_rep, crep=link.ConnectResponse(reason=link.ConnectResponse.RETRY, cookie=b"ck")),
        "08 04  62 08  a0 06 06  b2 06 02 'ck'  # crep 12: reason 100, cookie 102",
    ),
    Golden(
        "connect_rep for a stream",
        Msg(
            type=MsgType.connect_rep,
            from_id="a",
            to="c",
            link_id="f0",
            crep=link.ConnectResponse(ok=True, answer=link.StreamAnswer(version=1, handshake=b"ee")),
        ),
        """08 04  12 01 'a'  22 01 'c'  32 02 'f0'
           62 0b  08 01  aa 06 06 08 01 12 02 'ee'  # crep 12: ok, answer 101""",
    ),
    Golden(
        "connect_req that tells a window",
        Msg(
            type=MsgType.connect_req,
            creq=link.ConnectRequest(kind=link.ConnectRequest.stream, offer=link.StreamOffer(version=1, window=128)),
        ),
        """08 03
           5a 0a             # creq 11
             10 64           # kind 2: stream 100
             aa 06 05 08 01  # offer 101: version 1
               18 80 01      # window 3""",
    ),
    Golden(
        "connect_rep that tells a window",
        Msg(
            type=MsgType.connect_rep,
            crep=link.ConnectResponse(ok=True, answer=link.StreamAnswer(version=1, window=128)),
        ),
        """08 04
           62 0a             # crep 12
             08 01           # ok 1
             aa 06 05 08 01  # answer 101: version 1
               18 80 01      # window 3""",
    ),
    Golden(
        "link_hold",
        Msg(type=MsgType.link_hold, from_id="c", to="a", link_id="f0", hold=link.LinkHold(on=True)),
        "08 79  12 01 'c'  22 01 'a'  32 02 'f0'  ca 07 02  08 01  # hold 121: on 1",
    ),
    Golden(
        "record",
        Msg(type=MsgType.record, from_id="c", to="a", link_id="f0", record=stream.Record(data=b"hi")),
        "08 78  12 01 'c'  22 01 'a'  32 02 'f0'  c2 07 04  0a 02 'hi'  # record 120",
    ),
    Golden(
        "connect_req for a command",
        Msg(type=MsgType.connect_req, creq=_EXEC),
        """08 03  5a 14          # creq 11
             10 65               # kind 2: exec 101
             a2 06 0f            # cexec 100
               0a 02 'ls'  12 01 '/'  1a 03 'K=V'  20 e8 07""",
    ),
    Golden(
        "connect_req for a desktop with a lease",
        Msg(
            type=MsgType.connect_req,
            creq=link.ConnectRequest(kind=link.ConnectRequest.vnc, cvnc=link.ConnectVnc(lease_ms=2000)),
        ),
        """08 03  5a 08          # creq 11
             10 03               # kind 2: vnc 3
             62 04  a0 06 d0 0f  # cvnc 12: lease_ms 100""",
    ),
    Golden(
        "vnc_mouse with a mark",
        Msg(type=MsgType.vnc_mouse, vmouse=desktop.VncMouse(x=1, mark=7)),
        "08 16  82 02 05  18 01  a0 06 07  # vmouse 32: mark 100",
    ),
    Golden(
        "vnc_keyboard with a mark",
        Msg(type=MsgType.vnc_keyboard, vkbd=desktop.VncKeyboard(key="a", mark=7)),
        "08 17  8a 02 06  12 01 'a'  a0 06 07  # vkbd 33: mark 100",
    ),
    Golden(
        "vnc_scroll with a mark",
        Msg(type=MsgType.vnc_scroll, vscroll=desktop.VncScroll(y=1, mark=7)),
        "08 19  92 02 05  10 01  a0 06 07  # vscroll 34: mark 100",
    ),
    Golden(
        "vnc_hold",
        Msg(type=MsgType.vnc_hold, vnc_hold=desktop.VncHold(released=3)),
        "08 8c 01  e2 08 02  08 03  # 140",
    ),
    Golden(
        "vnc_frame",
        Msg(type=MsgType.vnc_frame, vnc_frame=desktop.VncFrame(mark=7, rects=2)),
        "08 8d 01  ea 08 04  08 07  10 02  # 141",
    ),
    Golden(
        "exec_input",
        Msg(type=MsgType.exec_input, exec_input=exec_.ExecInput(data=b"x", eof=True)),
        "08 82 01  92 08 05  0a 01 'x'  10 01  # 130",
    ),
    Golden(
        "exec_output",
        Msg(type=MsgType.exec_output, exec_output=exec_.ExecOutput(data=b"y", stream=exec_.ExecOutput.STDERR)),
        "08 83 01  9a 08 05  0a 01 'y'  10 01  # 131",
    ),
    Golden(
        "exec_signal",
        Msg(type=MsgType.exec_signal, exec_signal=exec_.ExecSignal(number=2)),
        "08 84 01  a2 08 02  08 02  # 132",
    ),
    Golden(
        "exec_request",
        Msg(type=MsgType.exec_request, exec_request=exec_.ExecRequest(data=b"z")),
        "08 85 01  aa 08 03  0a 01 'z'  # 133",
    ),
    Golden(
        "connect_req for a command that follows",
        Msg(
            type=MsgType.connect_req,
            creq=link.ConnectRequest(kind=link.ConnectRequest.exec, cexec=exec_.ConnectExec(follows=300)),
        ),
        "08 03  5a 08  10 65  a2 06 03  28 ac 02  # follows 5",
    ),
    Golden(
        "connect_req for a shell with arguments",
        Msg(
            type=MsgType.connect_req,
            creq=link.ConnectRequest(
                kind=link.ConnectRequest.shell,
                cshell=link.ConnectShell(argv=[b"ls", b"/"], cwd=b"d", timeout_ms=1000),
            ),
        ),
        """08 03  5a 15          # creq 11
             10 02               # kind 2: shell
             5a 11               # cshell 11
               b2 06 02 'ls'  b2 06 01 '/'  ba 06 01 'd'  c0 06 e8 07""",
    ),
    Golden(
        "connect_req for a shell's command that follows",
        Msg(
            type=MsgType.connect_req,
            creq=link.ConnectRequest(
                kind=link.ConnectRequest.shell,
                cshell=link.ConnectShell(rows=24, cols=80, argv=[b""], follows=300),
            ),
        ),
        """08 03  5a 11          # creq 11
             10 02               # kind 2: shell
             5a 0d               # cshell 11
               a0 06 18  a8 06 50  b2 06 00  c8 06 ac 02  # rows, cols, an empty word, follows 105""",
    ),
    Golden(
        "about with streams",
        Msg(type=MsgType.about, about=roster.About(streams=1)),
        "08 6e  f2 06 02  30 01  # streams 6",
    ),
    Golden(
        "disconnect after a time-out",
        Msg(type=MsgType.disconnect, end=link.LinkEnd(cause=link.LinkEnd.TIMED_OUT)),
        "08 05  b2 06 02  08 05  # end 102: cause 1",
    ),
    Golden(
        "channels",
        Msg(
            type=MsgType.channels,
            channels=forward.Channels(
                frames=[
                    forward.ChannelFrame(
                        id=1,
                        open=forward.ChannelOpen(
                            address=forward.ForwardAddress(host="h", port=80), listener=4, source="s"
                        ),
                    ),
                    forward.ChannelFrame(id=2, listen=forward.ForwardAddress(path=b"/s", datagrams=True, idle_ms=1000)),
                    forward.ChannelFrame(id=2, opened=forward.ChannelOpened(host="h", port=80)),
                    forward.ChannelFrame(
                        id=2, refused=forward.ChannelRefused(reason=forward.ChannelRefused.NOT_LISTENING, text="no")
                    ),
                    forward.ChannelFrame(id=2, data=b"x"),
                    forward.ChannelFrame(id=2, end=True),
                    forward.ChannelFrame(id=2, reset="r"),
                    forward.ChannelFrame(id=2, limit=131072),
                    forward.ChannelFrame(id=2, datagram=b"d"),
                ]
            ),
        ),
        """08 96 01
           b2 09 5b                  # channels 150
             0a 10 08 01             # frames 1: id 1
               12 0c                 # open 2
                 0a 05 0a 01 'h' 10 50  # address 1: host 1, port 2
                 10 04  1a 01 's'    # listener 2, source 3
             0a 0d 08 02  1a 09 1a 02 '/s' 20 01 28 e8 07  # listen 3: path 3, datagrams 4, idle_ms 5
             0a 09 08 02  22 05 0a 01 'h' 10 50       # opened 4: host 1, port 2
             0a 0a 08 02  2a 06 08 03 12 02 'no'      # refused 5: reason 1, text 2
             0a 05 08 02  32 01 'x'                   # data 6
             0a 04 08 02  38 01                       # end 7
             0a 05 08 02  42 01 'r'                   # reset 8
             0a 06 08 02  48 80 80 08                 # limit 9
             0a 05 08 02  52 01 'd'                   # datagram 10""",
    ),
]

#: Records are messages of their own, within `record`.
RECORDS = [
    (
        "hello that opens",
        stream.StreamRecord(
            hello=stream.StreamHello(
                stream_id=b"0123456789abcdef",
                request=link.ConnectRequest(name="n"),
                ack=stream.StreamAck(window=65536),
            )
        ),
        """0a 1d                       # hello 1
             0a 10 '0123456789abcdef'  # stream_id 1
             12 03 0a 01 'n'           # request 2
             22 04 10 80 80 04         # ack 4: window 2""",
    ),
    (
        "hello that goes on",
        stream.StreamRecord(hello=stream.StreamHello(stream_id=b"i", received=300, ack=stream.StreamAck(consumed=1))),
        "0a 0a  0a 01 'i'  18 ac 02  22 02 08 01  # received 3, ack 4: consumed 1",
    ),
    (
        "reply",
        stream.StreamRecord(
            reply=stream.StreamReply(ok=True, received=1, ack=stream.StreamAck(consumed=1, window=2), keep_seconds=3600)
        ),
        "12 0d  08 01  20 01  2a 04 08 01 10 02  30 90 1c  # reply 2: ok 1, received 4, ack 5, keep_seconds 6",
    ),
    (
        "refusing reply",
        stream.StreamRecord(reply=stream.StreamReply(text="no", reason=link.ConnectResponse.GONE)),
        "12 06  12 02 'no'  18 05  # reply 2: text 2, reason 3",
    ),
    (
        "message",
        stream.StreamRecord(message=b"m", position=65, ack=stream.StreamAck(consumed=1), want=128),
        "1a 01 'm'  40 41  4a 02 08 01  50 80 01  # message 3, position 8, ack 9, want 10",
    ),
    (
        "urgent",
        stream.StreamRecord(
            ack=stream.StreamAck(consumed=1, urgent=3), urgent=stream.StreamUrgent(number=2, message=b"m")
        ),
        "4a 04 08 01 18 03  5a 05 08 02 12 01 'm'  # ack 9: urgent 3, urgent 11: number 1, message 2",
    ),
    ("skip", stream.StreamRecord(skip=200, position=1), "20 c8 01  40 01  # skip 4"),
    (
        "end",
        stream.StreamRecord(end=link.LinkEnd(cause=link.LinkEnd.EXITED, status=1), position=2),
        "2a 04 08 01 18 02  40 02  # end 5",
    ),
]
