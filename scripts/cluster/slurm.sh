#!/bin/bash
# Starts Slurm on this machine, with terminals standing in for four GPUs, and shows that the pool obtains machines of it.
#
#   scripts/cluster/slurm.sh pool                     the pool alone: acquire, release, requeue, scancel, restart
#   scripts/cluster/slurm.sh load [--punica FILE]     scheduler, frontend and real runners under load
#   scripts/cluster/slurm.sh run COMMAND...           any command, with SLURM_CONF set
#
# As root: Debian's slurm-wlm and munge are installed if they are missing. Everything else lies in a temporary directory.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)

if ! command -v slurmctld munged > /dev/null; then
    apt-get update
    DEBIAN_FRONTEND=noninteractive apt-get install --yes --no-install-recommends slurm-wlm munge
fi
cd "$here/../.."
exec python3 "$here/slurm.py" "$@"
