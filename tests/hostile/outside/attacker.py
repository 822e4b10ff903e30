"""The attacker as a program: `python -m tests.hostile.outside.attacker NAME PLAN`.

Prints `begun`, then one line of JSON.
"""

import json
import logging
import sys

from natpass_wire.aio import runtime
from tests.hostile.outside.plan import Plan
from tests.hostile.outside.registry import ATTACKS

_DESCRIPTORS = 20_000


async def main(name: str, plan: Plan) -> int:
    """Attack and print."""
    logging.disable(logging.CRITICAL)
    if sys.platform != "win32":
        import resource

        _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(most, _DESCRIPTORS), most))
    print("begun", flush=True)
    print(json.dumps(await ATTACKS[name].run(plan)), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(runtime.run(main(sys.argv[1], Plan.parse(sys.argv[2]))))
