"""One word for each way in which a step can fail before there is an outcome: the output reason-code."""

from __future__ import annotations

from aws_run import errors

# Outcomes have words of their own (`runs.outcome.OutcomeReason`). A test holds that every error has a row.
REASON_CODES: dict[type[errors.AwsRunError], str] = {
    errors.AwsRunError: "error",
    errors.UsageError: "usage",
    errors.RefChangedError: "ref-changed",
    errors.FarTooMuchError: "far-too-much",
    errors.DeclinedError: "declined",
    errors.ConfigError: "config",
    errors.SourceError: "project",
    errors.AmbiguousScriptError: "ambiguous-script",
    errors.DockerError: "docker",
    errors.BuildError: "build",
    errors.CredentialsError: "credentials",
    errors.AwsCallError: "aws-call",
    errors.OutOfReachError: "out-of-reach",
    errors.PreflightError: "preflight",
    errors.CapacityError: "capacity",
    errors.DeadlineError: "deadline",
    errors.TransferError: "transfer",
    errors.RunNotFoundError: "run-not-found",
    errors.DamagedError: "damaged-record",
    errors.TeardownError: "cleanup-failed",
    errors.InterruptedRunError: "interrupted",
}


def reason_code(error: BaseException) -> str:
    if isinstance(error, KeyboardInterrupt):
        return "interrupted"
    return next((word for kind in type(error).__mro__ if (word := REASON_CODES.get(kind))), "internal")
