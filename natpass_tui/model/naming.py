"""Sentences that name their agent only once: texts of a relay or an agent may contain the name already. Pure."""

import re


def names(text: str, agent: str) -> bool:
    """Tell whether `text` contains the agent's id as a separate word."""
    return re.search(rf"(?<![\w.-]){re.escape(agent)}(?![\w-]|\.\w)", text) is not None


def about(agent: str, text: str) -> str:
    """Return `text` with the agent's id prepended, unless it contains the id already."""
    return text if names(text, agent) else f"{agent}: {text}"


def refusal(noun: str, at: str, agent: str, reason: str) -> str:
    """Return a sentence that there is no shell (`noun`) on (`at`) an agent, and why."""
    where = "" if names(reason, agent) else f" {at} {agent}"
    return f"no {noun}{where}: {reason}"
