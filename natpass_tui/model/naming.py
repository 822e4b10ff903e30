"""Sentences that name their agent once: some texts come from a relay or an agent, and have the name already. Pure."""

import re


def names(text: str, agent: str) -> bool:
    """Tell whether `text` says the agent's id, as a word of its own."""
    return re.search(rf"(?<![\w.-]){re.escape(agent)}(?![\w-]|\.\w)", text) is not None


def about(agent: str, text: str) -> str:
    """Return `text` with the agent's id in front, unless it says it already."""
    return text if names(text, agent) else f"{agent}: {text}"


def refusal(noun: str, at: str, agent: str, reason: str) -> str:
    """Return that there is no shell (`noun`) on (`at`) an agent, and why."""
    where = "" if names(reason, agent) else f" {at} {agent}"
    return f"no {noun}{where}: {reason}"
