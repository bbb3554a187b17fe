#!/bin/bash
# aws-run host guard. Runs as a service on the run's one instance. It does two things:
# 1. It passes the Spot notice on: the container can't see it, and ECS does not drain standalone tasks on it.
# 2. It powers the machine off (which terminates it) when the run's task is over, never came, or outlived its deadline.
set -u
# shellcheck source=/dev/null
. "${AWS_RUN_GUARD_ENV:-/etc/aws-run/guard.env}" # NEVER_CAME_S, OVER_S, DEADLINE_EPOCH, MADE_EPOCH, LATE_S, LATE_NEVER_CAME_S
notice_dir=${AWS_RUN_NOTICE_DIR:-/run/aws-run}
metadata=${AWS_RUN_METADATA:-http://169.254.169.254}
agent=${AWS_RUN_AGENT:-http://127.0.0.1:51678}
power_off=${AWS_RUN_POWER_OFF:-/usr/sbin/shutdown -h now}
every_s=${AWS_RUN_EVERY_S:-5}
mkdir -p "$notice_dir"

say() { logger -t aws-run-guard -- "$1" 2>/dev/null || echo "aws-run-guard: $1"; }

leave() {
  say "powering off: $1"
  $power_off
  exit 0
}

spot_notice() {
  [ -e "$notice_dir/notice" ] && return
  local token body
  token=$(curl -sf -m 2 -X PUT -H 'X-aws-ec2-metadata-token-ttl-seconds: 60' "$metadata/latest/api/token") || return
  body=$(curl -sf -m 2 -H "X-aws-ec2-metadata-token: $token" "$metadata/latest/meta-data/spot/instance-action") || return
  printf '%s\n' "$body" >"$notice_dir/.notice" && mv "$notice_dir/.notice" "$notice_dir/notice"
  say "spot notice: $body"
}

# Prints "running", "stopped" (there were tasks, all are over), "none", or nothing when the agent does not answer.
tasks() {
  local answer
  answer=$(curl -sf -m 2 "$agent/v1/tasks") || return
  case $answer in
  *'"KnownStatus"'*) ;;
  *) echo none && return ;;
  esac
  # A task's own KnownStatus comes before its Containers; any one that isn't STOPPED keeps the machine.
  if printf '%s' "$answer" | grep -o '"KnownStatus":"[A-Z_]*"' | grep -qv STOPPED; then echo running; else echo stopped; fi
}

# A machine that boots long after its run was made is one that AWS had not had before. A task that still waits is placed
# here within minutes; the others have given up, and nobody may be there any more to move the group's switch.
read -r up _ </proc/uptime
booted=$(($(date +%s) - ${up%.*}))
[ $((booted - MADE_EPOCH)) -gt "$LATE_S" ] && NEVER_CAME_S=$LATE_NEVER_CAME_S

started=$SECONDS
seen=0
over_since=0
while :; do
  spot_notice
  [ "$(date +%s)" -ge "$DEADLINE_EPOCH" ] && leave "past the run's deadline"
  case $(tasks) in
  running)
    seen=1
    over_since=0
    ;;
  stopped | none)
    if [ "$seen" = 1 ] || [ "$(tasks)" = stopped ]; then
      seen=1
      [ "$over_since" = 0 ] && over_since=$SECONDS
      [ $((SECONDS - over_since)) -ge "$OVER_S" ] && leave "the run's task is over"
    fi
    ;;
  esac
  [ "$seen" = 0 ] && [ $((SECONDS - started)) -ge "$NEVER_CAME_S" ] && leave "no task came"
  sleep "$every_s"
done
