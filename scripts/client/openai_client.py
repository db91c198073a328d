#!/usr/bin/env python3
"""Checks a running server with the `openai` package, as a real client would meet it.

Usage: openai_client.py --url http://127.0.0.1:8000 [--adapters a,b] [--key K] [--admin-url U] [--admin-key K]
                        [--adapters-directory DIR] [--context TOKENS] [--only TEXT]

--adapters-directory is a folder of PEFT directories that the *server* can read; without it, and without keys,
the checks that need them are skipped and say so. Prints one line for each check, then 'N passed, N failed';
exits 1 if any failed.
"""

import argparse
import sys

# Declared in the order in which they run.
import checks_models
import checks_completions
import checks_sampling
import checks_stops
import checks_chat
import checks_errors
import checks_hostile
import checks_adapters
import checks_load
import checks_metrics
from harness import Server, suite


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--url", default="http://127.0.0.1:8000")
    parser.add_argument("--key", help="API key, if the server wants one")
    parser.add_argument("--admin-url", help="where the admin routes are, if on a port of their own")
    parser.add_argument("--admin-key", help="key of the admin routes, if the server wants one")
    parser.add_argument("--adapters", default="", help="names that must be served, separated by commas")
    parser.add_argument("--adapters-directory", help="folder of PEFT directories, readable by the server")
    parser.add_argument("--context", type=int, help="context length; default: max_model_len of the base")
    parser.add_argument("--only", help="run only checks whose name contains this")
    parser.add_argument("--verbose", action="store_true", help="print the traceback of each failure")
    return parser.parse_args()


def main() -> int:
    arguments = parse()
    url = arguments.url.rstrip("/")
    server = Server(
        url=url, key=arguments.key, admin_url=(arguments.admin_url or url).rstrip("/"),
        admin_key=arguments.admin_key, adapters_directory=arguments.adapters_directory, context=arguments.context,
    )
    try:
        server.discover([name for name in arguments.adapters.split(",") if name])
    except Exception as error:
        print(f"FAIL  models: the list of {url}: {type(error).__name__}: {error}\n0 passed, 1 failed")
        return 1
    passed, failed = suite.run(server, arguments.only, arguments.verbose)
    print(f"{passed} passed, {failed} failed")
    return 0 if failed == 0 and passed > 0 else 1


if __name__ == "__main__":
    sys.exit(main())
