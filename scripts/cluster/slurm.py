"""What scripts/cluster/slurm.sh runs; see there."""

import argparse
import os
import shutil
import signal
import subprocess
import sys
import tempfile

from slurm_cluster import SlurmCluster
from slurm_load import run_load


def main():
    parser = argparse.ArgumentParser(prog="slurm.sh")
    modes = parser.add_subparsers(dest="mode", required=True)
    modes.add_parser("pool")
    load = modes.add_parser("load")
    load.add_argument("--punica", default=".build/release/punica")
    load.add_argument("--clients", type=int, default=8)
    load.add_argument("--seconds", type=float, default=60)
    run = modes.add_parser("run")
    run.add_argument("command", nargs=argparse.REMAINDER)
    options = parser.parse_args()
    if os.geteuid() != 0:
        sys.exit("Slurm is started as root")
    # Told to stop, it stops Slurm first.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    directory = tempfile.mkdtemp(prefix="punica-slurm-")
    with SlurmCluster(directory) as cluster:
        if options.mode == "load":
            status = run_load(cluster, options)
        else:
            command = options.command if options.mode == "run" else ["swift", "test", "--filter", "SlurmLiveTests"]
            environment = dict(cluster.environment, PUNICA_TEST_SLURM="1")
            status = subprocess.run(command, env=environment).returncode
    if status == 0:
        shutil.rmtree(directory, ignore_errors=True)
    else:
        print(f"logs are in {directory}")
    sys.exit(status)


main()
