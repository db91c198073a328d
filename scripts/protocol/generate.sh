#!/usr/bin/env bash
# Makes Sources/ClusterProtocol/generated of Sources/ClusterProtocol/proto/cluster.proto.
# Needs protoc (Debian: protobuf-compiler); builds its two Swift plugins in a package of their own, which takes minutes.
set -euo pipefail
cd "$(dirname "$0")/../.."

tools=${PUNICA_PROTOCOL_TOOLS:-${TMPDIR:-/tmp}/punica-protocol-tools}
mkdir -p "$tools/Sources/Nothing"
echo 'let nothing = 0' > "$tools/Sources/Nothing/Nothing.swift"
# A product of a dependency is built only where a target depends on its package.
cat > "$tools/Package.swift" <<'SWIFT'
// swift-tools-version: 6.2
import PackageDescription

let package = Package(
    name: "protocol-tools",
    dependencies: [
        .package(url: "https://github.com/apple/swift-protobuf", exact: "1.39.0"),
        .package(url: "https://github.com/grpc/grpc-swift-protobuf", exact: "2.4.1"),
    ],
    targets: [
        .target(
            name: "Nothing",
            dependencies: [
                .product(name: "SwiftProtobuf", package: "swift-protobuf"),
                .product(name: "GRPCProtobuf", package: "grpc-swift-protobuf"),
            ]
        )
    ]
)
SWIFT
for plugin in protoc-gen-swift protoc-gen-grpc-swift-2; do
    swift build --package-path "$tools" --product "$plugin"
done
bin=$(swift build --package-path "$tools" --show-bin-path)

out=Sources/ClusterProtocol/generated
rm -rf "$out"
mkdir -p "$out"
protoc --proto_path Sources/ClusterProtocol/proto cluster.proto \
    --plugin "$bin/protoc-gen-swift" \
    --swift_opt Visibility=Package,UseAccessLevelOnImports=true --swift_out "$out" \
    --plugin "$bin/protoc-gen-grpc-swift-2" \
    --grpc-swift-2_opt Visibility=Package,UseAccessLevelOnImports=true --grpc-swift-2_out "$out"
for file in "$out"/*.swift; do
    grep -q 'swift-format-ignore-file' "$file" || sed -i '1i // swift-format-ignore-file' "$file"
done
