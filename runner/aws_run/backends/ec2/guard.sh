#!/bin/bash
# aws-run host guard. Runs as a service on the run's one instance. It does two things:
# 1. It passes the Spot notice on: the container can't see it, and ECS does not drain standalone tasks on it.
# 2. It powers the machine off (which terminates it) when the run's task is over, never came, or outlived its deadline,
#    and when the machine has been up for as long as --max-cost pays for.
set -u
# shellcheck source=/dev/null
. "${AWS_RUN_GUARD_ENV:-/etc/aws-run/guard.env}" # NEVER_CAME_S, OVER_S, DEADLINE_EPOCH, MADE_EPOCH, LATE_S, LATE_NEVER_CAME_S, AFTER_DEADLINE_S, UP_AT_MOST_S
notice_dir=${AWS_RUN_NOTICE_DIR:-/run/aws-run}
metadata=${AWS_RUN_METADATA:-http://169.254.169.254}
agent=${AWS_RUN_AGENT:-http://127.0.0.1:51678}
docker=${AWS_RUN_DOCKER:-docker}
power_off=${AWS_RUN_POWER_OFF:-/usr/sbin/shutdown -h now}
every_s=${AWS_RUN_EVERY_S:-5}
deadline_every_s=${AWS_RUN_DEADLINE_EVERY_S:-30}
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

# Prints the deadline of the newest task's job, in epoch seconds, as RunTask has put it into its container.
task_deadline() {
  local newest
  newest=$(timeout 10 "$docker" ps -aq --filter label=com.amazonaws.ecs.task-arn 2>/dev/null | head -n 1)
  [ -n "$newest" ] || return
  timeout 10 "$docker" inspect -f '{{range .Config.Env}}{{println .}}{{end}}' "$newest" 2>/dev/null |
    sed -n 's/^AWS_RUN_DEADLINE=\([0-9][0-9]*\)$/\1/p' | sort -n | head -n 1
}

# A machine that boots long after its run was made is one that AWS had not had before. A task that still waits is placed
# here within minutes; the others have given up, and nobody may be there any more to move the group's switch.
read -r up _ </proc/uptime
booted=$(($(date +%s) - ${up%.*}))
[ $((booted - MADE_EPOCH)) -gt "$LATE_S" ] && NEVER_CAME_S=$LATE_NEVER_CAME_S

started=$SECONDS
seen=0
over_since=0
ends=$DEADLINE_EPOCH
looked=
while :; do
  spot_notice
  if [ -z "$looked" ] || [ $((SECONDS - looked)) -ge "$deadline_every_s" ]; then
    looked=$SECONDS
    deadline=$(task_deadline)
    [ -n "$deadline" ] && ends=$((deadline + AFTER_DEADLINE_S))
  fi
  now=$(date +%s)
  [ "$now" -ge "$ends" ] && leave "past the run's deadline"
  [ "$UP_AT_MOST_S" -gt 0 ] && [ $((now - booted)) -ge "$UP_AT_MOST_S" ] && leave "--max-cost pays for no more"
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
