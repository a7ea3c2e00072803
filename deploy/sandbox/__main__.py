"""Entry point of the demo: `python -m deploy.sandbox`."""

import asyncio
import sys

if __name__ == "__main__":
    print(
        "Starting Temporal, Koban and a small Slack: about 5 seconds, 10 the first time ...",
        flush=True,
    )
    # Imported after the message: the first import takes seconds.
    from deploy.sandbox.demo import CannotStart, demo

    try:
        asyncio.run(demo())
    except CannotStart as sentence:
        sys.exit(str(sentence))
