#!/usr/bin/env bash
# A cluster in network namespaces: latency, loss, and a partition under load. Needs root, iproute2 and network
# namespaces; says so and ends with 0 where they cannot be made.
set -euo pipefail
cd "$(dirname "$0")/../.."
binary=${BINARY:-.build/release/punica}
[ -x "$binary" ] || { echo "no $binary: swift build -c release --product punica" >&2; exit 2; }

if ! ip netns add punica-probe 2>/dev/null || [ ! -c /dev/net/tun ]; then
    echo "network namespaces and taps cannot be made here: nothing was checked"
    exit 0
fi
ip netns del punica-probe

nodes=(hub a b)
bridge=punica-br
clean() {
    # shellcheck disable=SC2046
    kill -KILL $(jobs -p) 2>/dev/null || true
    for node in "${nodes[@]}"; do ip netns del "punica-$node" 2>/dev/null || true; done
    for node in a b; do ip link del "pv-$node" 2>/dev/null || true; done
    ip link del "$bridge" 2>/dev/null || true
}
trap clean EXIT
clean
ip link add "$bridge" type bridge
ip link set "$bridge" up
for index in 0 1 2; do
    node=${nodes[$index]}
    ip netns add "punica-$node"
    if [ "$node" = hub ]; then
        ip link add "pv-$node" type veth peer name eth0 netns "punica-$node"
    else
        # Joined by wire.py, which delays and loses frames.
        ip tuntap add dev "pv-$node" mode tap
        ip -n "punica-$node" tuntap add dev eth0 mode tap
    fi
    ip link set "pv-$node" master "$bridge" up
    ip -n "punica-$node" addr add "10.117.0.$((index + 1))/24" dev eth0
    ip -n "punica-$node" link set eth0 up
    ip -n "punica-$node" link set lo up
done
exec python3 scripts/cluster/partition.py --binary "$binary" "$@"
