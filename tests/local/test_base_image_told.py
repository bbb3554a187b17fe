"""A base image that can't be fetched is told by a plan, before anything is made, and not where nothing is built."""

from __future__ import annotations

from dataclasses import replace

from tests.crash.story import Begin

from aws_run.events import Notice
from aws_run.image.base import BaseImage
from aws_run.image.plan import ImagePlan
from aws_run.usecases.plan import plan

PROBLEM = "The base image python:3.12 can't be fetched: no route"


def test_a_plan_warns_of_it_until_the_image_is_there(begin: Begin) -> None:
    def find_base(image: ImagePlan, refresh: bool) -> ImagePlan:
        return image.on(BaseImage(reference="python:3.12", problem=PROBLEM))

    story = begin()
    context = replace(story.context, find_base=find_base)

    def warnings() -> list[str]:
        story.events.clear()
        plan(story.config(), context)
        return [each.text for each in story.events if isinstance(each, Notice) and each.level == "warning"]

    assert [PROBLEM in text for text in warnings()] == [True]
    story.context = context
    assert story.submit().exit_code == 0  # its builder makes an image without one
    assert warnings() == []
