"""`aws-run plan`: what a submit would make, and what it would cost. Reads AWS, writes nothing."""

from __future__ import annotations

from aws_run.config import Config
from aws_run.infra import plan as plans
from aws_run.infra.observe import observe
from aws_run.lifecycle import views
from aws_run.lifecycle.context import AppContext
from aws_run.lifecycle.start.preflight import plan_run, run_preflight
from aws_run.report.views import PlanView


def plan(config: Config, context: AppContext) -> PlanView:
    preflight, backend = run_preflight(config, context)
    run = plan_run(preflight, backend, context)
    observed = {**preflight.kept, **observe(context.aws, run.shared)}
    return views.without_run(views.plan_view(preflight, run, plans.plan((*run.kept, *run.shared), observed), backend))
