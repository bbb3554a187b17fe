"""What a reporter shows besides events: the plan, the receipt, what is left, the outcome. Values only; money in USD."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Literal

from aws_run.events import Lane
from aws_run.frozen import frozen

Action = Literal["create", "update", "reuse", "build", "push", "send", "skip", "keep"]


DESTROY = "aws-run destroy"


@frozen
class PlanRow:
    """One thing that the run needs. `scope`: run, shared or kept."""

    action: Action
    kind: str
    name: str
    scope: str = ""
    note: str = ""


@frozen
class LaneView:
    lane: Lane
    rows: tuple[PlanRow, ...]


@frozen
class OutsideRow:
    """Something outside of the project's folder that the project's own files use. `kind`: input, output, variable,
    secret or role; `where`: the place in the file that names it. `needs_yes`: the user must agree first."""

    kind: str
    what: str
    where: str
    needs_yes: bool


@frozen
class ImageContent:
    """What of the project goes into the image. `largest`: its largest folders and files at its top, with bytes."""

    files: int
    bytes: int
    largest: tuple[tuple[str, int], ...] = ()


@frozen
class PlanInput:
    """`place`: a folder, or an address in S3. `how`: what is done with it, in a few words."""

    name: str | None
    place: str
    files: int
    bytes: int
    how: str


@frozen
class EstimateView:
    """What was expected, by the median of `runs` earlier runs, between the least and the most of them.
    `same_hardware`: they ran on this very hardware. `error_percent`: the actual cost above (+) or below (-) it; None
    where that is not known yet. `factor`: what AWS has billed of earlier receipts, which the amounts are multiplied
    by."""

    usd: Decimal
    low_usd: Decimal
    high_usd: Decimal
    runs: int
    same_hardware: bool = True
    error_percent: Decimal | None = None
    factor: Decimal | None = None


@frozen
class NetworkPrice:
    """What a NAT gateway charges for the bytes of input and image that come through it, beside the machine's price.
    `usd` None: its price is not known. `command`: what makes the way to S3 free."""

    gateway: str
    bytes: int
    usd: Decimal | None
    command: str


@frozen
class PlanPrice:
    """In USD; None where no price is known. `at_most`: if the run takes all of `timeout_s`. `expected` None: no earlier
    run told how long it is going to take; `expected_s`: what it would be billed. `network` None: S3 costs
    nothing to reach."""

    per_hour: Decimal | None
    at_most: Decimal | None
    timeout_s: int
    expected: EstimateView | None = None
    expected_s: float | None = None
    network: NetworkPrice | None = None


@frozen
class PlanAllowance:
    """A limit that holds for the run, as it stands without it, and what the run holds of it, in USD. `until`: when the
    next period begins."""

    sentence: str
    limit_usd: Decimal
    per: str
    used_usd: Decimal
    reserved_usd: Decimal
    free_usd: Decimal
    until: datetime
    holds_usd: Decimal


@frozen
class PlanView:
    """`run_id` "": no run begins with this plan. `argv` None: the image's own command; it is complete but for the two
    folders. `python` None: what the image brings. `content` None: nothing is built. `why`: this hardware was chosen.
    `estimate` and `notes` are sentences, one per line; `short_notes` are those that a short plan tells as well.
    `output` None: nothing is fetched."""

    run_id: str
    project: str
    backend: str
    region: str
    account: str
    lanes: tuple[LaneView, ...]
    argv: tuple[str, ...] | None = None
    python: str | None = None
    content: ImageContent | None = None
    inputs: tuple[PlanInput, ...] = ()
    price: PlanPrice | None = None
    why: str = ""
    estimate: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    short_notes: tuple[str, ...] = ()
    destroy_command: str = DESTROY
    output: Path | None = None
    outside: tuple[OutsideRow, ...] = ()
    allowances: tuple[PlanAllowance, ...] = ()


@frozen
class ReceiptLine:
    """`quantity` of `unit` at `unit_price_usd` each: 0.034 h at $0.0357."""

    what: str
    quantity: Decimal
    unit: str
    unit_price_usd: Decimal
    amount_usd: Decimal


@frozen
class UseView:
    """What the job used of its machine. CPU in vCPUs, GPU in per cent. None: nobody told. `smaller`: the options that
    ask for cheaper hardware that would have held it, with `smaller_hardware`, `smaller_usd` and what was paid
    instead."""

    vcpu: float
    memory_mib: int
    peak_memory_bytes: int | None = None
    peak_vcpu: float | None = None
    mean_vcpu: float | None = None
    gpus: int = 0
    peak_gpu_percent: int | None = None
    mean_gpu_percent: int | None = None
    peak_gpu_memory_mib: int | None = None
    smaller: str = ""
    smaller_hardware: str = ""
    smaller_usd: Decimal | None = None
    instead_of_usd: Decimal | None = None


@frozen
class ReceiptView:
    """`label` says what the sum is: "cost", or "simulated: what AWS would have charged" on the embedded AWS.
    `left_out`: what the sum does not include. `priced_on`: the day of the oldest price, by `sources`; None where no
    price has one. `saved_usd`: what the spot market saved. `estimate` None: no earlier run told how long it was
    going to take. `use` None: nobody measured it."""

    lines: tuple[ReceiptLine, ...]
    total_usd: Decimal
    priced_on: date | None
    sources: tuple[str, ...] = ()
    saved_usd: Decimal = Decimal(0)
    label: str = "cost"
    left_out: tuple[str, ...] = ()
    estimate: EstimateView | None = None
    use: UseView | None = None


@frozen
class LeftRow:
    """`where`: a console link or an id; `state` failed: it should be gone, and that could not be confirmed."""

    kind: str
    name: str
    state: Literal["kept", "failed"] = "kept"
    where: str = ""
    why: str = ""


@frozen
class LeftView:
    rows: tuple[LeftRow, ...]


@frozen
class OutcomeView:
    """`status`: one sentence ("finished", "the job ended with exit code 7", …). `exit_code` None: there is none.
    `reason`: why the run ended, in one word (`exit`: by the job itself, and `status` tells a code that is not 0); None
    where it has not, or where the exit code is of something later.
    `report_file`: the run's report beside `output_dir`; `report_uri`, `report_url`: its copy beside the results in S3,
    and its page in AWS's console.
    `goes_on`: the run does, and `exit_code` is of the command that left it.
    `kept_days`: how long the bucket keeps what was saved; None where nothing was.
    `ran`: command and arguments, without the two folders; empty where the image's own command ran. `commit`: of the
    project, and whether its files were that commit's. `image`: as it was started, with its digest, short. `python`: the
    image's version; "" where the image brings its own.
    `warnings`: sentences on what the user should know all the same."""

    run_id: str
    exit_code: int | None
    status: str
    reason: str | None = None
    warnings: tuple[str, ...] = ()
    seconds: float | None = None
    output_dir: Path | None = None
    s3_uri: str | None = None
    console_url: str | None = None
    report_file: Path | None = None
    report_uri: str | None = None
    report_url: str | None = None
    kept_days: int | None = None
    ran: tuple[str, ...] = ()
    commit: str = ""
    image: str = ""
    python: str = ""
    labels: tuple[str, ...] = ()
    note: str = ""
    receipt: ReceiptView | None = None
    left: LeftView | None = None
    next_commands: tuple[str, ...] = ()
    destroy_command: str = DESTROY  # removes what the project's runs share
    goes_on: bool = False

    @property
    def succeeded(self) -> bool:
        return self.exit_code == 0


View = PlanView | ReceiptView | LeftView | OutcomeView
