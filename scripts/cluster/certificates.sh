#!/usr/bin/env bash
# Makes an authority, if there is none yet, and a certificate for one process of a cluster.
#
#     scripts/cluster/certificates.sh DIRECTORY punica://scheduler
#     scripts/cluster/certificates.sh DIRECTORY punica://runner/UUID
#     scripts/cluster/certificates.sh DIRECTORY punica://frontend/NAME
#     scripts/cluster/certificates.sh DIRECTORY punica://operator/NAME
#
# Prints the options that the process is started with. Keep ca.key where no process of the cluster can read it.
set -euo pipefail
directory=$1 uri=$2 days=${DAYS:-365}
[[ $uri == punica://* ]] || { echo "'$uri' is no punica:// URI" >&2; exit 2; }
mkdir -p "$directory"
cd "$directory"

if [ ! -f ca.pem ]; then
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days "$((days * 10))" \
        -subj "/CN=punica authority" -keyout ca.key -out ca.pem \
        -addext "basicConstraints=critical,CA:TRUE" -addext "keyUsage=critical,keyCertSign" 2>/dev/null
    chmod 600 ca.key
fi
name=$(tr -c 'A-Za-z0-9\n-' '-' <<<"${uri#punica://}")
openssl req -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -subj "/CN=$name" \
    -keyout "$name.key" -out "$name.csr" 2>/dev/null
chmod 600 "$name.key"
openssl x509 -req -in "$name.csr" -CA ca.pem -CAkey ca.key -CAcreateserial -days "$days" -out "$name.pem" \
    -extfile <(printf 'basicConstraints=critical,CA:FALSE\nsubjectAltName=URI:%s\n' "$uri") 2>/dev/null
rm "$name.csr"
echo "--tls-certificate $PWD/$name.pem --tls-key $PWD/$name.key --tls-ca $PWD/ca.pem"
