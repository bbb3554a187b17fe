#!/usr/bin/env bash
set -euo pipefail
while getopts "i:o:" option; do
  case "$option" in
    i) in=$OPTARG ;;
    o) out=$OPTARG ;;
    *) exit 2 ;;
  esac
done
count=$(find "$in" -type f | wc -l)
python scripts/version.py "$count" > "$out/answer.txt"
