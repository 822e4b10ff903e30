"""A program on an agent that uses the user's own terminal, without our screen (`exec -t`).

Pure: `escape` (the user's escape sequences), `request` (the request to an agent, also for shells in tabs). `program`
carries bytes between a link and the terminal, `run` is one run from login to exit status.
"""
