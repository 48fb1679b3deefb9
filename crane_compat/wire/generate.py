"""Write crane_pb2.py and crane_pb2.pyi from crane.proto (needs grpcio-tools)."""

from __future__ import annotations

import sys
from pathlib import Path

HERE = Path(__file__).parent


def main(out: Path = HERE) -> int:
    from grpc_tools import protoc

    return int(protoc.main(["protoc", f"-I{HERE}", f"--python_out={out}", f"--pyi_out={out}", "crane.proto"]))


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]) if len(sys.argv) > 1 else HERE))
