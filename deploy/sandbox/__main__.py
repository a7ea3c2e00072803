"""`python -m deploy.sandbox`: the demo."""

import asyncio
import sys

from deploy.sandbox.demo import CannotStart, demo

if __name__ == "__main__":
    try:
        asyncio.run(demo())
    except CannotStart as sentence:
        sys.exit(str(sentence))
