"""A program on an agent that has the user's own terminal, without a screen of ours (`exec -t`).

Pure: `escape` (what the user asks us for), `request` (what to ask an agent for, also for shells in tabs). `program`
carries bytes between a link and the terminal, `run` is one run from login to exit status.
"""
