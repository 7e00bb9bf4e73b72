#!/bin/sh
# Renews the Swift code of the messages in this folder: Sources/EtcdAPI/Generated.
#
# Needs a protobuf compiler: $PROTOC, or Debian's protobuf-compiler, or the Python package
# grpcio-tools (of the interpreter $PYTHON, python3 by default). The Swift plugin is built from the
# swift-protobuf that Package.swift names; $SCRATCH_PATH, .build by default, is where.
set -eu
cd "$(dirname "$0")/.."

output=Sources/EtcdAPI/Generated
scratch=${SCRATCH_PATH:-.build}
python=${PYTHON:-python3}

if [ -n "${PROTOC:-}" ]; then
    protoc() { "$PROTOC" "$@"; }
elif command -v protoc >/dev/null; then
    protoc() { command protoc "$@"; }
elif "$python" -c 'import grpc_tools.protoc' 2>/dev/null; then
    protoc() { "$python" -m grpc_tools.protoc "$@"; }
else
    echo "generate.sh: no protobuf compiler: install Debian's protobuf-compiler or PyPI's grpcio-tools" >&2
    exit 1
fi

swift build --scratch-path "$scratch" --product protoc-gen-swift
plugin=$(swift build --scratch-path "$scratch" --show-bin-path)/protoc-gen-swift

mkdir -p "$output"
rm -f "$output"/*.pb.swift
# `package import SwiftProtobuf` goes with our InternalImportsByDefault.
protoc --proto_path=proto --plugin="protoc-gen-swift=$plugin" \
    --swift_out="$output" \
    --swift_opt=Visibility=Package,UseAccessLevelOnImports=true,FileNaming=PathToUnderscores \
    $(cd proto && find . -name '*.proto' -path './etcd/*' -o -name '*.proto' -path './grpc/*' |
        sed 's|^\./||' | LC_ALL=C sort)
