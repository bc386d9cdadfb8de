"""What the diagnosis says about the golden curves, as a table: python -m bench.tuning.diagnosis"""

from __future__ import annotations

from bench.tuning.golden_curves import golden_curves, near_misses
from tune.diagnosis.curve import diagnose


def main() -> None:
    """Print a row for each curve."""
    print("| curve | should be | is | how bad | also |")
    print("|---|---|---|---|---|")
    for golden in (*golden_curves(), *near_misses()):
        found = diagnose(golden.points)
        also = ", ".join(finding.verdict for finding in found.findings[1:])
        print(f"| {golden.name} | {golden.leads} | {found.verdict} | {found.severity} | {also} |")


if __name__ == "__main__":
    main()
