"""How large the disk is, without asking anybody."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aws_run.backends.disk import EC2, FARGATE, GIB, Contents, fits, size
from aws_run.config import Resources
from aws_run.errors import UsageError

DEFAULTS = {"ec2": 40, "fargate": 20}
LIMITS = {"ec2": EC2, "fargate": FARGATE}
BACKENDS = st.sampled_from(sorted(DEFAULTS))
BYTES = st.integers(0, 60 * GIB)


def contents(input_gib: float = 0, image_gib: float | None = None, gpu: bool = False) -> Contents:
    image = None if image_gib is None else int(image_gib * GIB)
    return Contents(input_bytes=int(input_gib * GIB), image_bytes=image, gpu=gpu)


@pytest.mark.parametrize("backend", sorted(DEFAULTS))
def test_a_small_run_has_the_default_and_nothing_is_said(backend: str) -> None:
    for image_gib in (None, 0.2):
        found = size(LIMITS[backend], Resources(), DEFAULTS[backend], contents(0.1, image_gib))
        assert (found.gib, found.note, found.warning) == (DEFAULTS[backend], "", "")


@pytest.mark.parametrize(
    ("backend", "asked", "inside", "gib"),
    [
        ("ec2", Resources(), contents(50), 140),  # 8 + 12 + 50 + 50, a tenth more
        ("ec2", Resources(output_gib=5), contents(50), 90),
        ("ec2", Resources(output_gib=500), contents(1, 1), 570),
        ("ec2", Resources(), contents(1, 8), 50),  # 8 + 32 + 1 + 2
        ("ec2", Resources(), contents(3, None, gpu=True), 50),  # 8 + 24 + 3 + 3
        ("fargate", Resources(), contents(50), 125),
        ("fargate", Resources(output_gib=10), contents(10, 0.5), 30),
    ],
)
def test_it_grows_with_what_has_to_fit_and_says_of_what_it_is_made(
    backend: str, asked: Resources, inside: Contents, gib: int
) -> None:
    found = size(LIMITS[backend], asked, DEFAULTS[backend], inside)
    assert found.gib == gib
    assert found.note.startswith(f"disk: {gib} GB for ")
    assert ("assumed for the image" in found.note) == (inside.image_bytes is None)
    assert ("declared" in found.note) == (asked.output_gib is not None)


@given(backend=BACKENDS, small=BYTES, more=BYTES, image=st.none() | BYTES, output=st.none() | st.integers(1, 40))
def test_it_holds_everything_and_more_input_never_makes_it_smaller(
    backend: str, small: int, more: int, image: int | None, output: int | None
) -> None:
    asked = Resources(output_gib=output)
    one, two = (Contents(input_bytes=b, image_bytes=image) for b in (small, small + more))
    if not fits(LIMITS[backend], asked, two):
        with pytest.raises(UsageError):
            size(LIMITS[backend], asked, DEFAULTS[backend], two)
        return
    before, after = (size(LIMITS[backend], asked, DEFAULTS[backend], inside).gib for inside in (one, two))
    assert DEFAULTS[backend] <= before <= after <= LIMITS[backend].most
    assert after * GIB >= small + more + (image or 0) + (output or 0) * GIB


def test_a_disk_that_was_asked_for_is_taken_and_a_tight_one_is_warned_of() -> None:
    asked = Resources(disk_gib=100)
    assert size(LIMITS["ec2"], asked, 100, contents(20)).warning == ""
    tight = size(LIMITS["ec2"], asked, 100, contents(60))
    assert tight.gib == 100
    assert tight.warning == (
        "a disk of 100 GB may be too small: 8 GB system, 12 GB assumed for the image, 60 GB input, "
        "60 GB assumed for the output"
    )
    assert tight.hint == "--disk 154GB would do; without --disk the size is chosen"


@pytest.mark.parametrize(("input_gib", "image_gib"), [(93.0, None), (85.0, 8.0)])
def test_an_input_that_can_not_fit_is_refused_with_a_size_that_would_do(
    input_gib: float, image_gib: float | None
) -> None:
    with pytest.raises(UsageError, match="can't fit on a disk of 100 GB") as caught:
        size(LIMITS["ec2"], Resources(disk_gib=100), 100, contents(input_gib, image_gib))
    wanted = int((caught.value.hint or "").rpartition("--disk ")[2].removesuffix("GB"))
    assert size(LIMITS["ec2"], Resources(disk_gib=wanted), wanted, contents(input_gib, image_gib)).warning == ""
    assert caught.value.exit_code == 2


def test_what_fargate_can_not_hold_is_refused_with_the_way_out() -> None:
    with pytest.raises(UsageError, match="fargate has at most 200 GB") as caught:
        size(LIMITS["fargate"], Resources(), 20, contents(150))
    assert caught.value.hint == "use --backend ec2"
