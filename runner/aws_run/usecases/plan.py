"""`aws-run plan`: what a submit would make, and what it would cost. Reads AWS, writes nothing."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

from aws_run.aws.errors import DENIED
from aws_run.backends.base import Backend
from aws_run.config import Config
from aws_run.errors import AwsCallError
from aws_run.events import Notice
from aws_run.infra import plan as plans
from aws_run.infra.observe import observe
from aws_run.lifecycle import allowance, views
from aws_run.lifecycle.context import AppContext
from aws_run.lifecycle.start.preflight import Preflight, RunPlan, plan_run, run_preflight
from aws_run.report.views import PlanAllowance, PlanView
from aws_run.runs.store import RunStore


def plan(config: Config, context: AppContext) -> PlanView:
    preflight, backend = run_preflight(config, context)
    run = plan_run(preflight, backend, context)
    with ThreadPoolExecutor(max_workers=1, thread_name_prefix="allowance") as pool:
        held = pool.submit(_allowances, context, preflight, run, backend)
        observed = {**preflight.kept, **observe(context.aws, run.shared)}
        steps = plans.plan((*run.kept, *run.shared), observed)
        return views.without_run(views.plan_view(preflight, run, steps, backend, held.result()))


def _allowances(context: AppContext, preflight: Preflight, run: RunPlan, backend: Backend) -> tuple[PlanAllowance, ...]:
    """UsageError where the run would not fit, as a submit would refuse it."""
    store = RunStore(context.aws, run.spec.bucket, run.spec.account)
    try:
        return allowance.rows(allowance.look(context, store, backend, run.spec, preflight.branch))
    except AwsCallError as error:
        if error.code not in DENIED:
            raise
        context.emit(Notice(text=f"whether there is an allowance could not be read: {error.message}", hint=error.hint))
        return ()
