"""CloudWatch Logs: names that AWS keeps for itself, retentions that it does not have, groups that are just going."""

from __future__ import annotations

from aws_run.local.http.protocol import Call, Params, Refusal, Reply
from aws_run.local.http.routes import Table
from aws_run.local.sim.state import AccountState

RETENTIONS = (
    1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653,
)  # fmt: skip


def table() -> Table:
    return {
        ("logs", "CreateLogGroup"): create_group,
        ("logs", "DeleteLogGroup"): delete_group,
        ("logs", "PutRetentionPolicy"): put_retention,
        ("logs", "AssociateKmsKey"): associate_key,
    }


def create_group(world: AccountState, call: Call) -> Reply:
    name = str(call.params().get("logGroupName", ""))
    if name.lower().startswith("aws/"):
        raise Refusal("InvalidParameterException", "Log groups starting with AWS/ are reserved for AWS.")
    if world.busy(world.arn("logs", call.region, f"log-group:{name}")):
        text = "A conflicting operation is currently in progress against this resource. Please try again."
        raise Refusal("OperationAbortedException", text)
    key = call.params().get("kmsKeyId")
    if key:
        _check_key(world, call.region, str(key))
    return call.proceed()


def associate_key(world: AccountState, call: Call) -> Params:
    p = call.params()
    group = world.moto("logs", call.region).groups.get(str(p.get("logGroupName")))
    if group is None:
        raise Refusal("ResourceNotFoundException", "The specified log group does not exist.")
    _check_key(world, call.region, str(p.get("kmsKeyId")))
    group.kms_key_id = str(p["kmsKeyId"])
    return {}


def _check_key(world: AccountState, region: str, arn: str) -> None:
    """CloudWatch Logs uses a key in its own name, so the key's policy has to name it."""
    key = world.moto("kms", region).keys.get(arn.rsplit("/", 1)[-1])
    if key is None or key.key_state != "Enabled":
        raise Refusal("InvalidParameterException", f"The specified KMS Key Id '{arn}' could not be found.")
    if f"logs.{region}." not in str(key.policy) and "logs.amazonaws.com" not in str(key.policy):
        raise Refusal(
            "AccessDeniedException",
            f"The specified KMS key does not exist or is not allowed to be used with Arn '{arn}'",
        )


def delete_group(world: AccountState, call: Call) -> Reply:
    reply = call.proceed()
    if reply.status == 200:
        world.make_busy(world.arn("logs", call.region, f"log-group:{call.params().get('logGroupName')}"))
    return reply


def put_retention(world: AccountState, call: Call) -> Reply:
    if call.params().get("retentionInDays") not in RETENTIONS:
        text = f"Invalid retention value. Valid values are: {list(RETENTIONS)}"
        raise Refusal("InvalidParameterException", text)
    return call.proceed()
