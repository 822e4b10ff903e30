from natpass_wire.pb import code_pb2 as _code_pb2
from natpass_wire.pb import desktop_pb2 as _desktop_pb2
from natpass_wire.pb import exec_pb2 as _exec_pb2
from natpass_wire.pb import forward_pb2 as _forward_pb2
from natpass_wire.pb import invite_pb2 as _invite_pb2
from natpass_wire.pb import link_pb2 as _link_pb2
from natpass_wire.pb import login_pb2 as _login_pb2
from natpass_wire.pb import roster_pb2 as _roster_pb2
from natpass_wire.pb import shell_pb2 as _shell_pb2
from natpass_wire.pb import stream_pb2 as _stream_pb2
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class MsgType(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    unknown: _ClassVar[MsgType]
    handshake: _ClassVar[MsgType]
    keepalive: _ClassVar[MsgType]
    connect_req: _ClassVar[MsgType]
    connect_rep: _ClassVar[MsgType]
    disconnect: _ClassVar[MsgType]
    forward: _ClassVar[MsgType]
    shell_resize: _ClassVar[MsgType]
    shell_data: _ClassVar[MsgType]
    vnc_ctrl: _ClassVar[MsgType]
    vnc_image: _ClassVar[MsgType]
    vnc_mouse: _ClassVar[MsgType]
    vnc_keyboard: _ClassVar[MsgType]
    vnc_cad: _ClassVar[MsgType]
    vnc_scroll: _ClassVar[MsgType]
    vnc_clipboard: _ClassVar[MsgType]
    code_request: _ClassVar[MsgType]
    code_response_hdr: _ClassVar[MsgType]
    code_response_body: _ClassVar[MsgType]
    code_connect: _ClassVar[MsgType]
    code_connect_response: _ClassVar[MsgType]
    code_data: _ClassVar[MsgType]
    ping: _ClassVar[MsgType]
    pong: _ClassVar[MsgType]
    notice: _ClassVar[MsgType]
    about: _ClassVar[MsgType]
    roster_watch: _ClassVar[MsgType]
    roster: _ClassVar[MsgType]
    rtt_request: _ClassVar[MsgType]
    rtt_report: _ClassVar[MsgType]
    invite: _ClassVar[MsgType]
    record: _ClassVar[MsgType]
    link_hold: _ClassVar[MsgType]
    exec_input: _ClassVar[MsgType]
    exec_output: _ClassVar[MsgType]
    exec_signal: _ClassVar[MsgType]
    exec_request: _ClassVar[MsgType]
    vnc_hold: _ClassVar[MsgType]
    vnc_frame: _ClassVar[MsgType]
    channels: _ClassVar[MsgType]
unknown: MsgType
handshake: MsgType
keepalive: MsgType
connect_req: MsgType
connect_rep: MsgType
disconnect: MsgType
forward: MsgType
shell_resize: MsgType
shell_data: MsgType
vnc_ctrl: MsgType
vnc_image: MsgType
vnc_mouse: MsgType
vnc_keyboard: MsgType
vnc_cad: MsgType
vnc_scroll: MsgType
vnc_clipboard: MsgType
code_request: MsgType
code_response_hdr: MsgType
code_response_body: MsgType
code_connect: MsgType
code_connect_response: MsgType
code_data: MsgType
ping: MsgType
pong: MsgType
notice: MsgType
about: MsgType
roster_watch: MsgType
roster: MsgType
rtt_request: MsgType
rtt_report: MsgType
invite: MsgType
record: MsgType
link_hold: MsgType
exec_input: MsgType
exec_output: MsgType
exec_signal: MsgType
exec_request: MsgType
vnc_hold: MsgType
vnc_frame: MsgType
channels: MsgType

class Msg(_message.Message):
    __slots__ = ("type", "from_id", "from_idx", "to", "to_idx", "link_id", "hsp", "creq", "crep", "data", "sresize", "sdata", "vctrl", "vimg", "vmouse", "vkbd", "vscroll", "vclipboard", "csreq", "csrep_hdr", "csrep_body", "csconn", "csconn_rep", "csdata", "ping", "notice", "end", "about", "roster_watch", "roster", "rtt_request", "rtt_report", "invite", "record", "hold", "exec_input", "exec_output", "exec_signal", "exec_request", "vnc_hold", "vnc_frame", "channels")
    TYPE_FIELD_NUMBER: _ClassVar[int]
    FROM_ID_FIELD_NUMBER: _ClassVar[int]
    FROM_IDX_FIELD_NUMBER: _ClassVar[int]
    TO_FIELD_NUMBER: _ClassVar[int]
    TO_IDX_FIELD_NUMBER: _ClassVar[int]
    LINK_ID_FIELD_NUMBER: _ClassVar[int]
    HSP_FIELD_NUMBER: _ClassVar[int]
    CREQ_FIELD_NUMBER: _ClassVar[int]
    CREP_FIELD_NUMBER: _ClassVar[int]
    DATA_FIELD_NUMBER: _ClassVar[int]
    SRESIZE_FIELD_NUMBER: _ClassVar[int]
    SDATA_FIELD_NUMBER: _ClassVar[int]
    VCTRL_FIELD_NUMBER: _ClassVar[int]
    VIMG_FIELD_NUMBER: _ClassVar[int]
    VMOUSE_FIELD_NUMBER: _ClassVar[int]
    VKBD_FIELD_NUMBER: _ClassVar[int]
    VSCROLL_FIELD_NUMBER: _ClassVar[int]
    VCLIPBOARD_FIELD_NUMBER: _ClassVar[int]
    CSREQ_FIELD_NUMBER: _ClassVar[int]
    CSREP_HDR_FIELD_NUMBER: _ClassVar[int]
    CSREP_BODY_FIELD_NUMBER: _ClassVar[int]
    CSCONN_FIELD_NUMBER: _ClassVar[int]
    CSCONN_REP_FIELD_NUMBER: _ClassVar[int]
    CSDATA_FIELD_NUMBER: _ClassVar[int]
    PING_FIELD_NUMBER: _ClassVar[int]
    NOTICE_FIELD_NUMBER: _ClassVar[int]
    END_FIELD_NUMBER: _ClassVar[int]
    ABOUT_FIELD_NUMBER: _ClassVar[int]
    ROSTER_WATCH_FIELD_NUMBER: _ClassVar[int]
    ROSTER_FIELD_NUMBER: _ClassVar[int]
    RTT_REQUEST_FIELD_NUMBER: _ClassVar[int]
    RTT_REPORT_FIELD_NUMBER: _ClassVar[int]
    INVITE_FIELD_NUMBER: _ClassVar[int]
    RECORD_FIELD_NUMBER: _ClassVar[int]
    HOLD_FIELD_NUMBER: _ClassVar[int]
    EXEC_INPUT_FIELD_NUMBER: _ClassVar[int]
    EXEC_OUTPUT_FIELD_NUMBER: _ClassVar[int]
    EXEC_SIGNAL_FIELD_NUMBER: _ClassVar[int]
    EXEC_REQUEST_FIELD_NUMBER: _ClassVar[int]
    VNC_HOLD_FIELD_NUMBER: _ClassVar[int]
    VNC_FRAME_FIELD_NUMBER: _ClassVar[int]
    CHANNELS_FIELD_NUMBER: _ClassVar[int]
    type: MsgType
    from_id: str
    from_idx: int
    to: str
    to_idx: int
    link_id: str
    hsp: _login_pb2.HandshakePayload
    creq: _link_pb2.ConnectRequest
    crep: _link_pb2.ConnectResponse
    data: _link_pb2.Data
    sresize: _shell_pb2.ShellResize
    sdata: _shell_pb2.ShellData
    vctrl: _desktop_pb2.VncControl
    vimg: _desktop_pb2.VncImage
    vmouse: _desktop_pb2.VncMouse
    vkbd: _desktop_pb2.VncKeyboard
    vscroll: _desktop_pb2.VncScroll
    vclipboard: _desktop_pb2.VncClipboard
    csreq: _code_pb2.CodeRequest
    csrep_hdr: _code_pb2.CodeResponseHdr
    csrep_body: _code_pb2.CodeResponseBody
    csconn: _code_pb2.CodeConnect
    csconn_rep: _code_pb2.CodeConnectResponse
    csdata: _code_pb2.CodeData
    ping: Ping
    notice: Notice
    end: _link_pb2.LinkEnd
    about: _roster_pb2.About
    roster_watch: _roster_pb2.RosterWatch
    roster: _roster_pb2.Roster
    rtt_request: _roster_pb2.RttRequest
    rtt_report: _roster_pb2.RttReport
    invite: _invite_pb2.Invite
    record: _stream_pb2.Record
    hold: _link_pb2.LinkHold
    exec_input: _exec_pb2.ExecInput
    exec_output: _exec_pb2.ExecOutput
    exec_signal: _exec_pb2.ExecSignal
    exec_request: _exec_pb2.ExecRequest
    vnc_hold: _desktop_pb2.VncHold
    vnc_frame: _desktop_pb2.VncFrame
    channels: _forward_pb2.Channels
    def __init__(self, type: _Optional[_Union[MsgType, str]] = ..., from_id: _Optional[str] = ..., from_idx: _Optional[int] = ..., to: _Optional[str] = ..., to_idx: _Optional[int] = ..., link_id: _Optional[str] = ..., hsp: _Optional[_Union[_login_pb2.HandshakePayload, _Mapping]] = ..., creq: _Optional[_Union[_link_pb2.ConnectRequest, _Mapping]] = ..., crep: _Optional[_Union[_link_pb2.ConnectResponse, _Mapping]] = ..., data: _Optional[_Union[_link_pb2.Data, _Mapping]] = ..., sresize: _Optional[_Union[_shell_pb2.ShellResize, _Mapping]] = ..., sdata: _Optional[_Union[_shell_pb2.ShellData, _Mapping]] = ..., vctrl: _Optional[_Union[_desktop_pb2.VncControl, _Mapping]] = ..., vimg: _Optional[_Union[_desktop_pb2.VncImage, _Mapping]] = ..., vmouse: _Optional[_Union[_desktop_pb2.VncMouse, _Mapping]] = ..., vkbd: _Optional[_Union[_desktop_pb2.VncKeyboard, _Mapping]] = ..., vscroll: _Optional[_Union[_desktop_pb2.VncScroll, _Mapping]] = ..., vclipboard: _Optional[_Union[_desktop_pb2.VncClipboard, _Mapping]] = ..., csreq: _Optional[_Union[_code_pb2.CodeRequest, _Mapping]] = ..., csrep_hdr: _Optional[_Union[_code_pb2.CodeResponseHdr, _Mapping]] = ..., csrep_body: _Optional[_Union[_code_pb2.CodeResponseBody, _Mapping]] = ..., csconn: _Optional[_Union[_code_pb2.CodeConnect, _Mapping]] = ..., csconn_rep: _Optional[_Union[_code_pb2.CodeConnectResponse, _Mapping]] = ..., csdata: _Optional[_Union[_code_pb2.CodeData, _Mapping]] = ..., ping: _Optional[_Union[Ping, _Mapping]] = ..., notice: _Optional[_Union[Notice, _Mapping]] = ..., end: _Optional[_Union[_link_pb2.LinkEnd, _Mapping]] = ..., about: _Optional[_Union[_roster_pb2.About, _Mapping]] = ..., roster_watch: _Optional[_Union[_roster_pb2.RosterWatch, _Mapping]] = ..., roster: _Optional[_Union[_roster_pb2.Roster, _Mapping]] = ..., rtt_request: _Optional[_Union[_roster_pb2.RttRequest, _Mapping]] = ..., rtt_report: _Optional[_Union[_roster_pb2.RttReport, _Mapping]] = ..., invite: _Optional[_Union[_invite_pb2.Invite, _Mapping]] = ..., record: _Optional[_Union[_stream_pb2.Record, _Mapping]] = ..., hold: _Optional[_Union[_link_pb2.LinkHold, _Mapping]] = ..., exec_input: _Optional[_Union[_exec_pb2.ExecInput, _Mapping]] = ..., exec_output: _Optional[_Union[_exec_pb2.ExecOutput, _Mapping]] = ..., exec_signal: _Optional[_Union[_exec_pb2.ExecSignal, _Mapping]] = ..., exec_request: _Optional[_Union[_exec_pb2.ExecRequest, _Mapping]] = ..., vnc_hold: _Optional[_Union[_desktop_pb2.VncHold, _Mapping]] = ..., vnc_frame: _Optional[_Union[_desktop_pb2.VncFrame, _Mapping]] = ..., channels: _Optional[_Union[_forward_pb2.Channels, _Mapping]] = ...) -> None: ...

class Ping(_message.Message):
    __slots__ = ("nonce",)
    NONCE_FIELD_NUMBER: _ClassVar[int]
    nonce: int
    def __init__(self, nonce: _Optional[int] = ...) -> None: ...

class Notice(_message.Message):
    __slots__ = ("code", "text")
    class Code(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
        __slots__ = ()
        UNSET: _ClassVar[Notice.Code]
        REPLACED: _ClassVar[Notice.Code]
        SHUTTING_DOWN: _ClassVar[Notice.Code]
        PROTOCOL: _ClassVar[Notice.Code]
    UNSET: Notice.Code
    REPLACED: Notice.Code
    SHUTTING_DOWN: Notice.Code
    PROTOCOL: Notice.Code
    CODE_FIELD_NUMBER: _ClassVar[int]
    TEXT_FIELD_NUMBER: _ClassVar[int]
    code: Notice.Code
    text: str
    def __init__(self, code: _Optional[_Union[Notice.Code, str]] = ..., text: _Optional[str] = ...) -> None: ...
